-- How often the visitors who became the user met the code, and when.
SELECT
    countIf(type = 'view') AS views,
    countIf(type = 'click') AS clicks,
    countIf(is_bot) AS by_bots,
    if(count() = 0, NULL, min(event_time)) AS first_at,
    if(count() = 0, NULL, max(event_time)) AS last_at
FROM v_events
WHERE type IN ('view', 'click')
  AND code = {code:String}
  AND visitor_id IN (
        SELECT visitor_id FROM v_events
        WHERE user_id = {user:String} AND visitor_id IS NOT NULL
    )
