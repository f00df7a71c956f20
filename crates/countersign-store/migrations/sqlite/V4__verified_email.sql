-- The address in the form that addresses are compared by, for a user who has proved that it is theirs. NULL: they
-- have no address, or only claim it. No two users have one verified address.
ALTER TABLE users ADD COLUMN verified_email TEXT;

CREATE UNIQUE INDEX users_by_verified_email ON users (verified_email);
