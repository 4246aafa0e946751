-- What came in, one row each: events that were stored, events that had come before, and dead letters.
--
-- kind: event, duplicate or dead_letter. at is the time of receipt; of a dead letter, the broker's time
-- of the message. lag_ms is the time from when it happened, by the sender's clock as corrected, to
-- its receipt; skew_ms by how much that clock was off, 0 where nothing is known. stage and reason say who
-- put a dead letter aside, and why. The dimensions are those that the event names; where it names none,
-- a campaign, category or channel is the code's, and a category that is still missing the campaign's. A
-- dead letter has no dimensions.
SELECT * EXCEPT (happened_at) FROM v_event_receipts
UNION ALL
SELECT * FROM v_other_receipts
