-- When a user was last signed out everywhere. Legacy tokens that were issued until then are refused. NULL: never.
ALTER TABLE users ADD COLUMN sessions_ended_at INTEGER;

-- For users whose sessions were ended before there was this column, the time of the migration is the safe one.
UPDATE users SET sessions_ended_at = unixepoch() WHERE epoch > 0;

-- Whether the user has ever had a session here. A session's row is removed after its end, and this stays.
ALTER TABLE users ADD COLUMN has_had_session INTEGER NOT NULL DEFAULT 0;

UPDATE users SET has_had_session = 1 WHERE EXISTS (SELECT 1 FROM sessions WHERE user_id = users.id);
