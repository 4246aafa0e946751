-- How many users were decided to be referred by each of some codes, decisions since corrected left
-- out.
--
-- Parameter: codes Array(String).
SELECT formatRowNoNewline('JSONCompactEachRow', 'attributed', code, users) FROM (
    SELECT code, uniqExact(user_id) AS users FROM attributions
    WHERE code IN {codes:Array(String)} AND decisive AND event_id NOT IN (
        SELECT corrects FROM attributions
        WHERE assumeNotNull(corrects) IN (
            SELECT event_id FROM attributions WHERE code IN {codes:Array(String)}
        )
    )
    GROUP BY code
)
