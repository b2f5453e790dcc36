-- name: get
SELECT kind, key, version, body, tag, rowid FROM documents WHERE kind = ? AND key = ?;

-- name: find
SELECT kind, key, version, body, tag, rowid FROM documents WHERE kind = ? ORDER BY key;

-- name: find_tagged
SELECT kind, key, version, body, tag, rowid FROM documents WHERE kind = ? AND tag = ? ORDER BY key;

-- name: create
INSERT INTO documents (body, tag, kind, key, version) VALUES (?, ?, ?, ?, 1) ON CONFLICT DO NOTHING;

-- name: update
UPDATE documents SET body = ?, tag = ?, version = version + 1 WHERE kind = ? AND key = ? AND version = ?;

-- name: delete
DELETE FROM documents WHERE kind = ? AND key = ?;

-- name: leaves
SELECT leaf FROM leaves WHERE arrangement = ? AND position >= ? AND position < ? ORDER BY position;

-- name: size
SELECT coalesce(max(position) + 1, 0) FROM leaves WHERE arrangement = ?;

-- name: truncate
DELETE FROM leaves WHERE arrangement = ? AND position >= ?;

-- name: append
INSERT INTO leaves (arrangement, position, leaf) VALUES (?, ?, ?);

-- name: send
INSERT INTO sends (lane, peer, url, body, attempts, due, first)
VALUES (?1, ?2, ?3, ?4, ?5, 0, NOT EXISTS (SELECT 1 FROM sends WHERE lane = ?1));

-- name: forget
DELETE FROM sends WHERE id = ? RETURNING lane;

-- name: promote
UPDATE sends SET first = 1 WHERE id = (SELECT min(id) FROM sends WHERE lane = ?);

-- name: retry
UPDATE sends SET attempts = attempts + 1, due = ?2 WHERE id = ?1;

-- name: due
SELECT lane, peer, url, body, id, attempts FROM sends WHERE first AND due <= ? ORDER BY id LIMIT ?;

-- name: history
SELECT commits, generation FROM history;

-- name: owner
SELECT owner FROM history;

-- name: count
UPDATE history SET commits = commits + 1;

-- name: own
UPDATE history SET commits = ?, owner = ?, generation = generation + ?;
