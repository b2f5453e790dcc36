-- What is due is looked for peer by peer, so that what waits for one of them hides nobody else's.

CREATE INDEX sends_by_peer ON sends (peer, due, id) WHERE first;
DROP INDEX sends_by_due;
