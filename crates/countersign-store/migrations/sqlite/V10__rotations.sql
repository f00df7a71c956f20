-- All rotations of a commit are one entry, whose number is that of its last rotation, so the numbers count rotations.
-- `moves` is packed. As before, the newest entry stays, so that no number comes twice.

CREATE TABLE rotations (
    number INTEGER PRIMARY KEY,
    moves  BLOB NOT NULL
) STRICT;

-- The newest folded move of each session that has been rotated, in the same packed form. Its rows are a quarter of the
-- size of a session's row, so a page has four times as many, and a fold writes fewer pages. The same columns of
-- `sessions` keep what the session was opened with, or what an earlier release wrote. The higher generation counts.
CREATE TABLE session_moves (
    session_id BLOB PRIMARY KEY,
    generation INTEGER NOT NULL,
    packed     BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The earlier log had a row for each rotation. Its newest moves go to their rows, and its last number stays in use.
CREATE TEMPORARY TABLE newest AS SELECT session_id AS id, max(number) AS number FROM journal GROUP BY session_id;

UPDATE sessions SET
    (generation, current_hash, next_hash, previous, rotated_at, burst_from, burst_at, recoveries, refreshed_at,
     refreshed_address, refreshed_device, idle_expires_at)
    = (SELECT generation, current_hash, next_hash, previous, rotated_at, burst_from, burst_at, recoveries, refreshed_at,
              refreshed_address, refreshed_device, idle_expires_at
       FROM journal WHERE number = (SELECT number FROM newest WHERE newest.id = sessions.id))
WHERE id IN (SELECT id FROM newest)
    AND generation < (SELECT generation FROM journal WHERE number = (SELECT number FROM newest WHERE newest.id = sessions.id));

INSERT INTO rotations (number, moves) SELECT max(number), x'' FROM journal HAVING count(*) > 0;

DROP TABLE newest;
DROP TABLE journal;

-- An id must not equal a username in another letter case, in whichever order they are added.
CREATE INDEX users_by_lower_id ON users (lower(id));

DROP TRIGGER users_take_names;

CREATE TRIGGER users_take_names BEFORE INSERT ON users BEGIN
    SELECT RAISE(ABORT, 'users.id is taken') WHERE
        EXISTS (SELECT 1 FROM users WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM clients WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM users WHERE username_key = lower(NEW.id));
    SELECT RAISE(ABORT, 'users.username is taken') WHERE
        EXISTS (SELECT 1 FROM users WHERE lower(id) = NEW.username_key);
END;
