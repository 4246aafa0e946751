-- Rewards as they are now, the latest first, by the time of the action that each was decided for.
--
-- reasons are those of the last entry of the ledger. Parameters: since and until DateTime64(3, 'UTC')
-- (until excluded), campaign, code, user (the referred user or the beneficiary) and status String ('' for
-- all), most UInt32.
SELECT
    b.reward_id AS reward_id, b.code AS code, b.user_id AS user_id, b.beneficiary AS beneficiary,
    b.role AS role, b.action AS action, b.campaign_id AS campaign_id, b.status AS status,
    b.balance_micros AS value_micros, nullIf(b.currency, 'XXX') AS currency, l.reasons AS reasons,
    formatDateTime(b.at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS at, count() OVER () AS in_all
FROM v_reward_balances AS b
LEFT JOIN (
    SELECT reward_id, argMax(reasons, tuple(cause_offset, received_at)) AS reasons
    FROM v_rewards GROUP BY reward_id
) AS l ON b.reward_id = l.reward_id
WHERE b.at >= {since:DateTime64(3, 'UTC')} AND b.at < {until:DateTime64(3, 'UTC')}
    AND ({campaign:String} = '' OR b.campaign_id = {campaign:String})
    AND ({code:String} = '' OR b.code = {code:String})
    AND ({user:String} = '' OR b.user_id = {user:String} OR b.beneficiary = {user:String})
    AND ({status:String} = '' OR b.status = {status:String})
ORDER BY b.at DESC, reward_id
LIMIT {most:UInt32}
