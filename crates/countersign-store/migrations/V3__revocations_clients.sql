-- What was taken back, in order, until no access token issued before can be live. No number is given twice.
CREATE TABLE revocations (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    -- 'session', or whose sessions up to and with session_id: 'user', 'client', 'everyone'.
    kind       TEXT NOT NULL,
    owner      TEXT,
    session_id BLOB NOT NULL,
    except_id  BLOB
) STRICT;

CREATE TABLE clients (
    id             TEXT PRIMARY KEY,
    authentication TEXT NOT NULL,
    secret_hash    BLOB,
    audiences      TEXT NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
