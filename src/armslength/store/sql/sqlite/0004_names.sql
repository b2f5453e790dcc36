-- A queue is called queue here too, and the schedule schedule.

ALTER TABLE sends RENAME COLUMN lane TO queue;
DROP INDEX sends_by_lane;
CREATE INDEX sends_by_queue ON sends (queue, id);
UPDATE documents SET kind = 'schedule' WHERE kind = 'agenda';
