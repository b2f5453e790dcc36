-- name: get
SELECT kind, key, version, body, tag, rowid FROM documents WHERE kind = ? AND key = ?;

-- name: find
SELECT kind, key, version, body, tag, rowid FROM documents WHERE kind = ? AND key >= ? ORDER BY key LIMIT ?;

-- name: find_tagged
SELECT kind, key, version, body, tag, rowid FROM documents WHERE kind = ? AND tag = ? AND key >= ? ORDER BY key LIMIT ?;

-- name: create
INSERT INTO documents (body, tag, kind, key, version) VALUES (?, ?, ?, ?, 1) ON CONFLICT DO NOTHING;

-- name: update
UPDATE documents SET body = ?, tag = ?, version = version + 1 WHERE kind = ? AND key = ? AND version = ?;

-- name: write
INSERT INTO documents (body, tag, kind, key, version) VALUES (?, ?, ?, ?, 1)
ON CONFLICT DO UPDATE SET body = excluded.body, tag = excluded.tag, version = version + 1;

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
INSERT INTO sends (queue, peer, url, body, attempts, due, first)
VALUES (?1, ?2, ?3, ?4, ?5, 0, NOT EXISTS (SELECT 1 FROM sends WHERE queue = ?1));

-- name: forget
DELETE FROM sends WHERE id = ? RETURNING queue;

-- name: promote
UPDATE sends SET first = 1 WHERE id = (SELECT min(id) FROM sends WHERE queue = ?);

-- name: retry
UPDATE sends SET attempts = attempts + 1, due = ?2 WHERE id = ?1;

-- name: few
SELECT queue, peer, url, body, id, attempts, due FROM sends WHERE first ORDER BY peer, due, id LIMIT ?;

-- name: waiting
WITH RECURSIVE peers (peer) AS (
    SELECT min(peer) FROM sends WHERE first
    UNION ALL
    SELECT (SELECT min(peer) FROM sends WHERE first AND peer > peers.peer) FROM peers WHERE peer IS NOT NULL
)
SELECT s.due, s.id, s.peer FROM peers JOIN sends AS s
ON s.id = (SELECT id FROM sends WHERE first AND peer = peers.peer ORDER BY due, id LIMIT 1);

-- name: heads
SELECT queue, peer, url, body, id, attempts, due FROM sends WHERE first AND peer = ? ORDER BY due, id;

-- name: history
SELECT commits, generation FROM history;

-- name: owner
SELECT owner FROM history;

-- name: count
UPDATE history SET commits = commits + 1;

-- name: own
UPDATE history SET commits = ?, owner = ?, generation = generation + ?;
