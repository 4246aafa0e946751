-- Adjustments by hand that wait for a second person's approval, the oldest first.
--
-- adds_up: not by its own amount, but with others of its beneficiary that nobody approved.
--
-- Parameters: code, user and campaign String ('' for all), most UInt32.
WITH
waiting AS (
    SELECT reward_id FROM v_rewards
    WHERE startsWith(action, 'adjustment:')
      AND ({code:String} = '' OR code = {code:String})
      AND ({user:String} = '' OR user_id = {user:String})
      AND ({campaign:String} = '' OR campaign_id = {campaign:String})
    GROUP BY reward_id
    HAVING countIf(status != 'held') = 0
)
SELECT
    substring(r.action, length('adjustment:') + 1) AS adjustment_id,
    r.code AS code, r.user_id AS user_id, r.role AS role, r.beneficiary AS beneficiary,
    r.value_micros AS value_micros, r.currency AS currency, r.kind AS kind,
    r.campaign_id AS campaign_id, r.order_id AS order_id,
    nullIf(a.reward_id, '') AS about_reward_id,
    CAST(has(r.reasons, 'added_up'), 'Bool') AS adds_up,
    nullIf(a.reason, '') AS reason, a.note AS note, nullIf(a.actor, '') AS actor,
    formatDateTime(r.event_time, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS asked_at
FROM v_rewards AS r
LEFT JOIN (SELECT event_id, reward_id, reason, note, actor FROM adjustments FINAL) AS a
    ON r.action_event_id = a.event_id
WHERE r.reward_id IN waiting
ORDER BY r.event_time, r.reward_id
LIMIT {most:UInt32}
