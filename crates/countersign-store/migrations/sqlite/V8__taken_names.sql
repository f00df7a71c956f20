-- The ids of users and clients are one namespace, and no username is the id of another user: a person who is asked for
-- "an id or a name", and an API that compares `sub` with `client_id`, must never confuse two of them. The primary keys
-- and the index on `username_key` refuse part of the duplicates; these triggers refuse the rest. The release before
-- looks for the same rows first, so a trigger never stops it. The texts are error messages, which the store reads.

CREATE TRIGGER users_take_names BEFORE INSERT ON users BEGIN
    SELECT RAISE(ABORT, 'users.id is taken') WHERE
        EXISTS (SELECT 1 FROM users WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM clients WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM users WHERE username_key = lower(NEW.id));
    SELECT RAISE(ABORT, 'users.username is taken') WHERE
        EXISTS (SELECT 1 FROM users WHERE id IN (NEW.username, NEW.username_key));
END;

CREATE TRIGGER clients_take_names BEFORE INSERT ON clients BEGIN
    SELECT RAISE(ABORT, 'clients.id is taken') WHERE EXISTS (SELECT 1 FROM users WHERE id = NEW.id);
END;
