-- The ledger's entries about a code and a user, in the order in which they were decided.
SELECT * FROM v_rewards
WHERE code = {code:String} AND user_id = {user:String}
ORDER BY received_at, event_time, role DESC, event_id
