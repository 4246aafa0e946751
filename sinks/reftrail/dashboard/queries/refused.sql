-- Rewards that are rejected or reversed now, which a reviewer may reinstate; the latest first.
--
-- The row is that of the last entry. Parameters: campaign, code and user String ('' for all), most UInt32.
SELECT
    b.reward_id AS reward_id, b.code AS code, b.user_id AS user_id, b.beneficiary AS beneficiary,
    b.role AS role, b.action AS action, b.campaign_id AS campaign_id, b.status AS status,
    l.last.1 AS value_micros, nullIf(b.currency, 'XXX') AS currency, l.last.2 AS reasons,
    l.last.3 AS evidence, l.last.4 AS score,
    formatDateTime(l.last.5, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS at
FROM v_reward_balances AS b
INNER JOIN (
    SELECT
        reward_id,
        argMax(
            tuple(value_micros, reasons, ifNull(evidence, '[]'), score, event_time),
            tuple(cause_offset, received_at)
        ) AS last
    FROM v_rewards GROUP BY reward_id
) AS l ON b.reward_id = l.reward_id
WHERE b.status IN ('rejected', 'reversed') AND NOT startsWith(b.action, 'adjustment:')
    AND ({campaign:String} = '' OR b.campaign_id = {campaign:String})
    AND ({code:String} = '' OR b.code = {code:String})
    AND ({user:String} = '' OR b.user_id = {user:String} OR b.beneficiary = {user:String})
ORDER BY l.last.5 DESC, reward_id
LIMIT {most:UInt32}
