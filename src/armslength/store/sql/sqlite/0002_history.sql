-- How many transactions there were, as the counter beside the file knows too; whose database this is; and how many times
-- it was found to be an older copy of what there had been.

CREATE TABLE history (
    only       INTEGER NOT NULL PRIMARY KEY CHECK (only = 0),
    commits    INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO history VALUES (0, 0, '', 0);
