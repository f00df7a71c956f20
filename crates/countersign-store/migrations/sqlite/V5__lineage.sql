-- Which database this is, and when it was last put back from a backup, in seconds since the Unix epoch (0: never).
-- A server remembers both in its data directory, so that it notices a database that went back without being told.
CREATE TABLE lineage (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    store       BLOB NOT NULL,
    restored_at INTEGER NOT NULL,
    -- How many writes there were, but for rotations, which the journal counts.
    writes      INTEGER NOT NULL
) STRICT;

INSERT INTO lineage (only_row, store, restored_at, writes) VALUES (1, randomblob(16), 0, 0);
