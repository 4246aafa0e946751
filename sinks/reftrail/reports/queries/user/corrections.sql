-- Which of some decisions were corrected since.
--
-- Parameter: decisions Array(String).
SELECT formatRowNoNewline('JSONCompactEachRow', 'correction', corrects) FROM attributions
WHERE assumeNotNull(corrects) IN {decisions:Array(String)}
