-- Decisions of reviewers about a reward, or about all of its user's under its code, in their order.
--
-- Parameters: reward, code and user String.
SELECT
    decision, reviewer, reason, note, formatDateTime(event_time, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS at
FROM reviews FINAL
WHERE code = {code:String} AND user_id = {user:String}
    AND (reward_id IS NULL OR reward_id = {reward:String})
ORDER BY event_time, event_id
