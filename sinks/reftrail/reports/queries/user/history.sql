-- A page of the user's entries in the ledger, the latest first, below a position.
--
-- effect_micros: what the entry adds to the balance. Parameters: user, before_ms Int64 and before_id
-- String (the position: an entry's time and id), most UInt32.
SELECT
    event_id, event_time AS at, reward_id, status, role, action, value_micros,
    multiIf(
        status = 'granted', value_micros,
        status IN ('reversed', 'failed', 'expired'), -value_micros,
        0
    ) AS effect_micros,
    currency, kind, item, code, user_id, campaign_id, order_id, reasons, supersedes, due_at
FROM (
    SELECT * FROM (
        SELECT
            event_id, event_time, reward_id, status, role, action, value_micros, currency, kind,
            item, code, user_id, campaign_id, order_id, reasons, supersedes, due_at, precedence,
            toUnixTimestamp64Milli(event_time) AS ms
        FROM rewards
        WHERE beneficiary = {user:String} AND assumeNotNull(beneficiary) = {user:String}
        ORDER BY precedence DESC
        LIMIT 1 BY event_id
    )
    WHERE (ms, event_id) < ({before_ms:Int64}, {before_id:String})
    ORDER BY ms DESC, event_id DESC
    LIMIT {most:UInt32}
)
ORDER BY event_time DESC, event_id DESC
