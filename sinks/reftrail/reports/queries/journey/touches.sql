-- The events by which the user was referred, as far as decisions name them.
SELECT * FROM v_events
WHERE event_id IN (
    SELECT touch_event_id FROM attributions FINAL WHERE user_id = {user:String}
    UNION ALL
    SELECT touch_event_id FROM claims FINAL WHERE code = {code:String} AND user_id = {user:String}
)
  AND type IN ('view', 'click')
ORDER BY event_time, event_id
