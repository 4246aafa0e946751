-- How many users are attributed to each of some codes, as the report funnel counts.
--
-- Parameter: codes Array(String).
SELECT code, count() AS attributed FROM (
    SELECT user_id, code FROM attributions FINAL
    WHERE decisive
      AND user_id IN (SELECT user_id FROM attributions WHERE code IN {codes:Array(String)})
    ORDER BY user_id, received_at, event_id
    LIMIT 1 BY user_id
)
WHERE code IN {codes:Array(String)}
GROUP BY code
