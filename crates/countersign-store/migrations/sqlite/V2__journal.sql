-- Rotations in the order in which they happened, until they are folded into their sessions' rows. A reader takes
-- whichever of row and journal is at the higher generation. The newest entry stays, so that no number comes twice.

CREATE TABLE journal (
    number            INTEGER PRIMARY KEY,
    session_id        BLOB NOT NULL,
    generation        INTEGER NOT NULL,
    current_hash      BLOB NOT NULL,
    next_hash         BLOB NOT NULL,
    previous          INTEGER,
    rotated_at        INTEGER,
    burst_from        INTEGER,
    burst_at          INTEGER,
    recoveries        INTEGER NOT NULL,
    refreshed_at      INTEGER NOT NULL,
    refreshed_address TEXT,
    refreshed_device  TEXT NOT NULL,
    idle_expires_at   INTEGER NOT NULL
) STRICT;
