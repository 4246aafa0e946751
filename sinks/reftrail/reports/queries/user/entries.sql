-- All of the user's entries in the ledger, in the order of the log, with what adding them up takes.
-- A reward's entries are in one partition of the log, so its positions say which came first.
SELECT
    reward_id, status, value_micros, currency, kind, role, code, user_id,
    ifNull(campaign_id, '') AS campaign, toUnixTimestamp64Milli(event_time) AS ms, item,
    has(reasons, 'partly_refunded') AS is_part, has(reasons, 'tried_again') AS is_again
FROM rewards
WHERE beneficiary = {user:String} AND assumeNotNull(beneficiary) = {user:String}
ORDER BY cause_offset, event_id, precedence DESC
LIMIT 1 BY event_id
