-- Which users were decided to be referred by some codes: a row a decision, some of them twice, so
-- many at most.
--
-- Parameters: codes Array(String), most UInt32.
SELECT formatRowNoNewline('JSONCompactEachRow', 'decision', code, user_id, event_id)
FROM attributions
WHERE code IN {codes:Array(String)} AND decisive
LIMIT {most:UInt32}
