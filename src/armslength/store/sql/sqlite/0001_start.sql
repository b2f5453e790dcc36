-- One node's durable state. Applied once; the number in the file's name is the schema version (user_version).

CREATE TABLE documents (
    kind    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    tag     TEXT    NOT NULL,
    body    BLOB    NOT NULL,
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX documents_by_tag ON documents (kind, tag, key);

CREATE TABLE leaves (
    arrangement TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    leaf        BLOB    NOT NULL,
    UNIQUE (arrangement, position)
) STRICT;

-- `first` marks the oldest send of its lane, the only one that may go out; so what is due is found without
-- looking at what waits behind it. AUTOINCREMENT: an id is never given twice, or a late "delivered" would hit another.
CREATE TABLE sends (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    lane     TEXT    NOT NULL,
    peer     TEXT    NOT NULL,
    url      TEXT    NOT NULL,
    body     BLOB    NOT NULL,
    attempts INTEGER NOT NULL,
    due      REAL    NOT NULL,
    first    INTEGER NOT NULL
) STRICT;
CREATE INDEX sends_by_lane ON sends (lane, id);
CREATE INDEX sends_by_due ON sends (due) WHERE first;
