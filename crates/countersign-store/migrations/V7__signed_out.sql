-- When a user was last signed out everywhere. Legacy tokens that were issued until then are refused. NULL: never.
ALTER TABLE users ADD COLUMN sessions_ended_at INTEGER;

-- For users whose sessions were ended before there was this column, the time of the migration is the safe one.
UPDATE users SET sessions_ended_at = unixepoch() WHERE epoch > 0;
