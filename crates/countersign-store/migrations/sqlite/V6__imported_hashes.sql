-- The password hashes that other systems made and whose users have not signed in yet. The work of verifying them
-- bounds the work of every sign-in.
CREATE INDEX users_by_imported_hash ON users (password_hash) WHERE password_hash NOT GLOB '$argon2*';
