-- Which of the decisions that `decisions` gives were corrected since, some of them twice. Twice as many
-- are looked at: more may have come since those were read.
--
-- Parameters: codes Array(String), most UInt32.
SELECT formatRowNoNewline('JSONCompactEachRow', 'correction', corrects) FROM attributions
WHERE assumeNotNull(corrects) IN (
    SELECT event_id FROM attributions
    WHERE code IN {codes:Array(String)} AND decisive
    LIMIT 2 * {most:UInt32}
)
