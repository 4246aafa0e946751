-- Rewards that are held now, one row each, the most urgent first. The row is that of the last held entry:
-- a reward is held again when an approved suspicion returns to its holding period, for a dispute, and
-- when that ends. Of two held entries by one record the last is the one that no other supersedes.
--
-- evidence is JSON, as in the ledger. Adjustments by hand that wait for approval are in
-- `adjustments.sql`.
--
-- Parameters: code, user and campaign String ('' for all), most UInt32.
WITH
once_held AS (
    SELECT * FROM v_rewards
    WHERE status = 'held' AND NOT startsWith(action, 'adjustment:')
      AND ({code:String} = '' OR code = {code:String})
      AND ({user:String} = '' OR user_id = {user:String})
      AND ({campaign:String} = '' OR campaign_id = {campaign:String})
),
held AS (
    SELECT reward_id FROM v_reward_balances
    WHERE status = 'held' AND reward_id IN (SELECT reward_id FROM once_held)
),
last_held AS (
    SELECT * FROM once_held
    WHERE reward_id IN held
    ORDER BY
        cause_offset DESC,
        event_id IN (SELECT assumeNotNull(supersedes) FROM once_held WHERE supersedes IS NOT NULL)
    LIMIT 1 BY reward_id
)
SELECT
    reward_id, code, user_id, role, beneficiary, action,
    value_micros, currency, kind, item, campaign_id, campaign_version,
    reasons, score, evidence,
    formatDateTime(event_time, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS held_at,
    if(due_at IS NULL, NULL, formatDateTime(assumeNotNull(due_at), '%Y-%m-%dT%H:%i:%SZ', 'UTC')) AS due_at
FROM last_held
ORDER BY last_held.due_at ASC NULLS LAST, last_held.event_time, reward_id
LIMIT {most:UInt32}
