-- Rewards that are held: those about which nothing else has been decided, the most urgent first.
--
-- A reward is held once, at first. evidence is JSON, as in the ledger.
WITH
held AS (
    SELECT reward_id FROM rewards FINAL
    WHERE ({code:String} = '' OR code = {code:String})
      AND ({user:String} = '' OR user_id = {user:String})
      AND ({campaign:String} = '' OR campaign_id = {campaign:String})
    GROUP BY reward_id
    HAVING countIf(status != 'held') = 0
)
SELECT
    reward_id, code, user_id, role, beneficiary, action,
    value_micros, currency, kind, item, campaign_id, campaign_version,
    reasons, score, evidence,
    formatDateTime(event_time, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS held_at,
    if(due_at IS NULL, NULL, formatDateTime(assumeNotNull(due_at), '%Y-%m-%dT%H:%i:%SZ', 'UTC')) AS due_at
FROM rewards FINAL
WHERE reward_id IN held
ORDER BY rewards.due_at ASC NULLS LAST, rewards.event_time, reward_id
LIMIT {most:UInt32}
