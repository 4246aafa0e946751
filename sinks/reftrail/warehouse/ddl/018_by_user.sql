-- What the view of one user looks up, in the order in which it does. A projection stands in the
-- part whose rows it has: it is there with them or not at all, and never counts one of them twice.
-- FINAL doesn't read it: whoever does leaves out rows that came twice, see queries/user.
ALTER TABLE rewards MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE rewards ADD PROJECTION IF NOT EXISTS by_beneficiary (
    SELECT
        event_id, event_time, received_at, cause_offset, reward_id, code, user_id, beneficiary,
        role, action, status, reasons, value_micros, currency, kind, campaign_id, order_id,
        supersedes, item, due_at, precedence
    ORDER BY assumeNotNull(beneficiary), event_id
);
ALTER TABLE rewards MATERIALIZE PROJECTION by_beneficiary;
ALTER TABLE codes MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE codes ADD PROJECTION IF NOT EXISTS by_owner (
    SELECT code, owner_user_id ORDER BY assumeNotNull(owner_user_id), code
);
ALTER TABLE codes MATERIALIZE PROJECTION by_owner;
ALTER TABLE attributions MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE attributions ADD PROJECTION IF NOT EXISTS by_code (
    SELECT code, user_id ORDER BY code, user_id
);
ALTER TABLE attributions MATERIALIZE PROJECTION by_code;
ALTER TABLE milestones MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE milestones ADD PROJECTION IF NOT EXISTS by_beneficiary (
    SELECT
        beneficiary, campaign_id, name, kind, grants, reached, times, event_time, cause_offset
    ORDER BY beneficiary, campaign_id, name
);
ALTER TABLE milestones MATERIALIZE PROJECTION by_beneficiary;
ALTER TABLE fulfilments MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE fulfilments ADD PROJECTION IF NOT EXISTS by_reward (
    SELECT
        event_id, event_time, reward_id, outcome, reference, carrier, tracking_number, detail
    ORDER BY reward_id
);
ALTER TABLE fulfilments MATERIALIZE PROJECTION by_reward;
