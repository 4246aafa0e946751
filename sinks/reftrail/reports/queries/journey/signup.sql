-- The user's signup, as it was reported.
SELECT * FROM v_events
WHERE user_id = {user:String} AND type = 'signup'
ORDER BY received_at, event_id
LIMIT 1
