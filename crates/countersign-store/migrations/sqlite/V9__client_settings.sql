-- What a client may ask for, and how its sessions live. NULL is the server's own value.
ALTER TABLE clients ADD COLUMN name TEXT NOT NULL DEFAULT '';
-- A JSON array.
ALTER TABLE clients ADD COLUMN redirect_uris TEXT NOT NULL DEFAULT '[]';
-- Separated by spaces.
ALTER TABLE clients ADD COLUMN grants TEXT NOT NULL DEFAULT 'refresh_token';
ALTER TABLE clients ADD COLUMN scope TEXT;
-- Lifetimes and grace are in seconds.
ALTER TABLE clients ADD COLUMN access_token_lifetime INTEGER;
ALTER TABLE clients ADD COLUMN idle_lifetime INTEGER;
ALTER TABLE clients ADD COLUMN absolute_lifetime INTEGER;
ALTER TABLE clients ADD COLUMN grace INTEGER;
ALTER TABLE clients ADD COLUMN late_retry TEXT;
