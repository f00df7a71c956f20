-- Times are whole seconds since the Unix epoch. Nothing in here can be presented:
-- secrets are hashes, private keys are encrypted under a key that is elsewhere.

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,
    email         TEXT,
    password_hash TEXT,
    password_kind TEXT,
    claims        TEXT NOT NULL,
    role          TEXT NOT NULL,
    disabled_at   INTEGER,
    epoch         INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a session, whatever the refresh rate. No column that a refresh changes has an index.
CREATE TABLE sessions (
    id                  BLOB PRIMARY KEY,
    user_id             TEXT NOT NULL,
    client_id           TEXT NOT NULL,
    scope               TEXT NOT NULL,
    audience            TEXT NOT NULL,
    claims              TEXT NOT NULL,
    key_thumbprint      TEXT,
    mode                TEXT NOT NULL,
    generation          INTEGER NOT NULL,
    current_hash        BLOB NOT NULL,
    next_hash           BLOB NOT NULL,
    previous            INTEGER,
    rotated_at          INTEGER,
    burst_from          INTEGER,
    burst_at            INTEGER,
    recoveries          INTEGER NOT NULL,
    user_epoch          INTEGER NOT NULL,
    authenticated_at    INTEGER NOT NULL,
    opened_at           INTEGER NOT NULL,
    opened_address      TEXT,
    opened_device       TEXT NOT NULL,
    refreshed_at        INTEGER NOT NULL,
    refreshed_address   TEXT,
    refreshed_device    TEXT NOT NULL,
    idle_expires_at     INTEGER NOT NULL,
    absolute_expires_at INTEGER NOT NULL,
    revoked_at          INTEGER,
    revoked_reason      TEXT,
    revoked_address     TEXT,
    revoked_device      TEXT,
    revoked_presented   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_client ON sessions (client_id);

-- Tokens of another make that were exchanged for a session, until they expire.
CREATE TABLE spent_tokens (
    digest     BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    key_id        TEXT PRIMARY KEY,
    algorithm     TEXT NOT NULL,
    public_jwk    TEXT NOT NULL,
    private_key   BLOB NOT NULL,
    published_at  INTEGER NOT NULL,
    state         TEXT NOT NULL,
    state_time    INTEGER
) STRICT, WITHOUT ROWID;

-- How often the set of signing keys has been replaced: whoever replaces it names the revision that it read.
CREATE TABLE signing_keys_revision (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT;

INSERT INTO signing_keys_revision (only_row, revision) VALUES (1, 0);
