-- Entries of the ledger of one reward, in the order in which they were decided.
--
-- Parameter: reward String.
SELECT
    event_id, reward_id, code, user_id, beneficiary, role, action, status, reasons, value_micros,
    effect_micros, nullIf(currency, 'XXX') AS currency, kind, item, campaign_id, campaign_version,
    order_id, basis, arm, score, evidence, rules, supersedes, cause_topic, cause_partition,
    cause_offset,
    formatDateTime(event_time, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS at,
    if(due_at IS NULL, NULL, formatDateTime(assumeNotNull(due_at), '%Y-%m-%dT%H:%i:%SZ', 'UTC')) AS due
FROM v_rewards
WHERE reward_id = {reward:String}
ORDER BY cause_offset, received_at, event_id
