-- What was reported last of each of some rewards.
--
-- Parameter: rewards Array(String).
SELECT reward_id, carrier, tracking_number, reference, detail FROM fulfilments
WHERE reward_id IN {rewards:Array(String)}
ORDER BY outcome = 'delivered' DESC, event_time DESC, event_id
LIMIT 1 BY reward_id
