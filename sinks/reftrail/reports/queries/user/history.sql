-- A page of the user's entries in the ledger, the latest first, below a position.
--
-- Parameters: user, before_ms Int64 and before_id String (the position: an entry's time and id),
-- most UInt32.
SELECT
    event_id, event_time AS at, reward_id, status, role, action, value_micros, currency, kind,
    item, code, user_id, campaign_id, order_id, reasons, supersedes, due_at
FROM rewards
WHERE beneficiary = {user:String} AND assumeNotNull(beneficiary) = {user:String}
  AND (toUnixTimestamp64Milli(event_time), event_id) < ({before_ms:Int64}, {before_id:String})
ORDER BY event_time DESC, event_id DESC, precedence DESC
LIMIT 1 BY event_id
LIMIT {most:UInt32}
