-- The `typ` of a client's access tokens. NULL is the server's own value.
ALTER TABLE clients ADD COLUMN access_token_type TEXT;
