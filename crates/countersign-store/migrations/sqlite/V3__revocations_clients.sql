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

-- How long access tokens live, and those of an earlier configuration: for so long a revocation matters.
CREATE TABLE token_life (
    only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
    longest       INTEGER NOT NULL,
    earlier       INTEGER,
    earlier_until INTEGER
) STRICT;

CREATE TABLE clients (
    id             TEXT PRIMARY KEY,
    authentication TEXT NOT NULL,
    secret_hash    BLOB,
    audiences      TEXT NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
