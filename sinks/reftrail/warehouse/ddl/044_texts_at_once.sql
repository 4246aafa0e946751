-- The constraint of 043_texts.sql as one comparison: at each change of a table ClickHouse compares the parts of its
-- constraints with each other, and took half of the processor time in which a warehouse fences its tables for that.
ALTER TABLE adjustment_decisions DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(adjustment_id) AND isValidUTF8(code) AND isValidUTF8(user_id)
    AND isValidUTF8(decision) AND isValidUTF8(actor) AND isValidUTF8(ifNull(note, ''))) = 1;
ALTER TABLE adjustments DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(adjustment_id) AND isValidUTF8(code) AND isValidUTF8(user_id)
    AND isValidUTF8(ifNull(role, '')) AND isValidUTF8(currency) AND isValidUTF8(ifNull(kind, ''))
    AND isValidUTF8(reason) AND isValidUTF8(ifNull(note, '')) AND isValidUTF8(actor)
    AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(ifNull(reward_id, ''))) = 1;
ALTER TABLE attributions DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules)
    AND isValidUTF8(user_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(code)
    AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(code_evidence, '')) AND isValidUTF8(basis)
    AND isValidUTF8(ifNull(touch_event_id, '')) AND isValidUTF8(signup_event_id)
    AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(channel, ''))
    AND isValidUTF8(ifNull(corrects, '')) AND isValidUTF8(ifNull(arm, ''))
    AND isValidUTF8(ifNull(utm_source, ''))) = 1;
ALTER TABLE campaigns DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(campaign_id) AND isValidUTF8(name)
    AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(trigger) AND isValidUTF8(referrer_reward_kind)
    AND isValidUTF8(referee_reward_kind) AND isValidUTF8(reward_currency)
    AND isValidUTF8(ifNull(referrer_reward_item, '')) AND isValidUTF8(ifNull(referee_reward_item, ''))
    AND isValidUTF8(ifNull(policy, ''))) = 1;
ALTER TABLE claims DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules)
    AND isValidUTF8(code) AND isValidUTF8(ifNull(code_evidence, '')) AND isValidUTF8(ifNull(campaign_id, ''))
    AND isValidUTF8(user_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(action)
    AND isValidUTF8(action_event_id) AND isValidUTF8(basis) AND isValidUTF8(ifNull(touch_event_id, ''))
    AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(ifNull(currency, ''))
    AND isValidUTF8(ifNull(country, '')) AND isValidUTF8(ifNull(channel, ''))
    AND isValidUTF8(ifNull(source, '')) AND isValidUTF8(ifNull(device_hash, ''))
    AND isValidUTF8(ifNull(ip_hash, '')) AND isValidUTF8(ifNull(network_hash, ''))
    AND isValidUTF8(ifNull(email_hash, '')) AND isValidUTF8(ifNull(hash_key_id, ''))
    AND arrayAll(text -> isValidUTF8(text), checks) AND isValidUTF8(ifNull(root_reference, ''))
    AND isValidUTF8(ifNull(touch_key_kind, '')) AND isValidUTF8(ifNull(touch_device_hash, ''))
    AND isValidUTF8(ifNull(touch_ip_hash, '')) AND isValidUTF8(ifNull(touch_network_hash, ''))
    AND isValidUTF8(ifNull(refund_id, '')) AND isValidUTF8(ifNull(dispute_id, ''))
    AND isValidUTF8(ifNull(arm, '')) AND isValidUTF8(ifNull(utm_source, ''))) = 1;
ALTER TABLE code_acts DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(ifNull(code, '')) AND isValidUTF8(campaign_id) AND isValidUTF8(act)
    AND isValidUTF8(actor) AND isValidUTF8(ifNull(reason, '')) AND isValidUTF8(ifNull(before, ''))
    AND isValidUTF8(ifNull(after, '')) AND isValidUTF8(ifNull(batch_id, ''))) = 1;
ALTER TABLE code_formats DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(name) AND isValidUTF8(kind) AND isValidUTF8(pattern)
    AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, ''))
    AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(key_id, '')) AND isValidUTF8(status)) = 1;
ALTER TABLE codes DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(code) AND isValidUTF8(campaign_id)
    AND isValidUTF8(ifNull(owner_user_id, '')) AND isValidUTF8(ifNull(category, ''))
    AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(status) AND isValidUTF8(ifNull(notes, ''))
    AND arrayAll(text -> isValidUTF8(text), channels) AND arrayAll(text -> isValidUTF8(text), regions)
    AND isValidUTF8(ifNull(record_kind, '')) AND isValidUTF8(ifNull(record_id, ''))
    AND isValidUTF8(ifNull(origin, '')) AND isValidUTF8(ifNull(owner_device_hash, ''))
    AND isValidUTF8(ifNull(owner_ip_hash, '')) AND isValidUTF8(ifNull(owner_network_hash, ''))
    AND isValidUTF8(ifNull(owner_email_hash, '')) AND isValidUTF8(ifNull(past_stops, ''))) = 1;
ALTER TABLE conversions DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules)
    AND isValidUTF8(kind) AND isValidUTF8(user_id) AND isValidUTF8(ifNull(visitor_id, ''))
    AND isValidUTF8(conversion_event_id) AND isValidUTF8(ifNull(order_id, ''))
    AND isValidUTF8(ifNull(currency, '')) AND isValidUTF8(ifNull(typed_code, ''))
    AND isValidUTF8(ifNull(typed_code_evidence, '')) AND isValidUTF8(ifNull(typed_campaign_id, ''))
    AND isValidUTF8(ifNull(typed_category, '')) AND isValidUTF8(ifNull(touch_event_id, ''))
    AND isValidUTF8(ifNull(touch_type, '')) AND isValidUTF8(ifNull(touch_code, ''))
    AND isValidUTF8(ifNull(touch_code_evidence, '')) AND isValidUTF8(ifNull(touch_campaign_id, ''))
    AND isValidUTF8(ifNull(touch_category, '')) AND isValidUTF8(ifNull(touch_channel, ''))
    AND isValidUTF8(ifNull(country, '')) AND isValidUTF8(ifNull(channel, ''))
    AND isValidUTF8(ifNull(source, '')) AND isValidUTF8(ifNull(device_hash, ''))
    AND isValidUTF8(ifNull(ip_hash, '')) AND isValidUTF8(ifNull(network_hash, ''))
    AND isValidUTF8(ifNull(email_hash, '')) AND isValidUTF8(ifNull(hash_key_id, ''))
    AND isValidUTF8(ifNull(touch_key_kind, '')) AND isValidUTF8(ifNull(touch_device_hash, ''))
    AND isValidUTF8(ifNull(touch_ip_hash, '')) AND isValidUTF8(ifNull(touch_network_hash, ''))
    AND isValidUTF8(ifNull(refund_id, '')) AND isValidUTF8(ifNull(dispute_id, ''))
    AND isValidUTF8(ifNull(merged_into, '')) AND isValidUTF8(ifNull(touch_arm, ''))
    AND isValidUTF8(ifNull(utm_source, '')) AND isValidUTF8(ifNull(touch_utm_source, ''))) = 1;
ALTER TABLE dead_letters DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(stage) AND isValidUTF8(reason) AND isValidUTF8(detail)
    AND isValidUTF8(topic) AND isValidUTF8(ifNull(payload_sha256, ''))) = 1;
ALTER TABLE duplicate_events DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(ifNull(user_id, ''))
    AND isValidUTF8(ifNull(code, '')) AND isValidUTF8(ifNull(code_evidence, ''))
    AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, ''))
    AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(source, ''))
    AND isValidUTF8(ifNull(device_hash, '')) AND isValidUTF8(ifNull(ip_hash, ''))
    AND isValidUTF8(ifNull(network_hash, '')) AND isValidUTF8(ifNull(email_hash, ''))
    AND isValidUTF8(ifNull(hash_key_id, ''))
    AND isValidUTF8(ifNull(country, '')) AND isValidUTF8(ifNull(order_id, ''))
    AND isValidUTF8(ifNull(currency, '')) AND isValidUTF8(ifNull(properties, ''))
    AND isValidUTF8(ifNull(client_campaign_id, '')) AND isValidUTF8(ifNull(key_kind, ''))
    AND isValidUTF8(ifNull(refund_id, '')) AND isValidUTF8(ifNull(dispute_id, ''))
    AND isValidUTF8(ifNull(merged_into, '')) AND isValidUTF8(ifNull(utm_source, ''))
    AND isValidUTF8(ifNull(user_agent_family, '')) AND isValidUTF8(ifNull(user_agent_os, ''))
    AND isValidUTF8(ifNull(device_class, ''))) = 1;
ALTER TABLE events DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(ifNull(user_id, ''))
    AND isValidUTF8(ifNull(code, '')) AND isValidUTF8(ifNull(code_evidence, ''))
    AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, ''))
    AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(source, ''))
    AND isValidUTF8(ifNull(device_hash, '')) AND isValidUTF8(ifNull(ip_hash, ''))
    AND isValidUTF8(ifNull(network_hash, '')) AND isValidUTF8(ifNull(email_hash, ''))
    AND isValidUTF8(ifNull(hash_key_id, ''))
    AND isValidUTF8(ifNull(country, '')) AND isValidUTF8(ifNull(order_id, ''))
    AND isValidUTF8(ifNull(currency, '')) AND isValidUTF8(ifNull(properties, ''))
    AND isValidUTF8(ifNull(client_campaign_id, '')) AND isValidUTF8(ifNull(key_kind, ''))
    AND isValidUTF8(ifNull(refund_id, '')) AND isValidUTF8(ifNull(dispute_id, ''))
    AND isValidUTF8(ifNull(merged_into, '')) AND isValidUTF8(ifNull(utm_source, ''))
    AND isValidUTF8(ifNull(user_agent_family, '')) AND isValidUTF8(ifNull(user_agent_os, ''))
    AND isValidUTF8(ifNull(device_class, ''))) = 1;
ALTER TABLE fulfilments DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(reward_id)
    AND isValidUTF8(role) AND isValidUTF8(outcome) AND isValidUTF8(kind) AND isValidUTF8(ifNull(reference, ''))
    AND isValidUTF8(ifNull(carrier, '')) AND isValidUTF8(ifNull(tracking_number, ''))
    AND isValidUTF8(ifNull(detail, '')) AND isValidUTF8(ifNull(action, ''))) = 1;
ALTER TABLE lists DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(subject) AND isValidUTF8(value) AND isValidUTF8(ifNull(listing, ''))
    AND isValidUTF8(ifNull(reason, '')) AND isValidUTF8(actor) AND isValidUTF8(ifNull(hash_key_id, ''))) = 1;
ALTER TABLE milestones DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules)
    AND isValidUTF8(beneficiary) AND isValidUTF8(campaign_id) AND isValidUTF8(code) AND isValidUTF8(user_id)
    AND isValidUTF8(name) AND isValidUTF8(kind) AND isValidUTF8(ifNull(currency, ''))
    AND isValidUTF8(ifNull(reward_kind, '')) AND isValidUTF8(ifNull(item, ''))) = 1;
ALTER TABLE reviews DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(ifNull(reward_id, ''))
    AND isValidUTF8(decision) AND isValidUTF8(reviewer) AND isValidUTF8(ifNull(reason, ''))
    AND isValidUTF8(ifNull(note, '')) AND isValidUTF8(ifNull(action, ''))) = 1;
ALTER TABLE reward_granted DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules)
    AND isValidUTF8(reward_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(beneficiary)
    AND isValidUTF8(role) AND isValidUTF8(action) AND isValidUTF8(currency) AND isValidUTF8(kind)
    AND isValidUTF8(campaign_id) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(order_id, ''))
    AND isValidUTF8(ifNull(item, ''))) = 1;
ALTER TABLE reward_withdrawn DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules)
    AND isValidUTF8(reward_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(beneficiary)
    AND isValidUTF8(role) AND isValidUTF8(action) AND isValidUTF8(currency) AND isValidUTF8(kind)
    AND arrayAll(text -> isValidUTF8(text), reasons)) = 1;
ALTER TABLE rewards DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules)
    AND isValidUTF8(reward_id) AND isValidUTF8(code) AND isValidUTF8(user_id)
    AND isValidUTF8(ifNull(beneficiary, '')) AND isValidUTF8(role) AND isValidUTF8(action)
    AND isValidUTF8(status) AND arrayAll(text -> isValidUTF8(text), reasons) AND isValidUTF8(currency)
    AND isValidUTF8(kind) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, ''))
    AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(basis)
    AND isValidUTF8(ifNull(touch_event_id, '')) AND isValidUTF8(action_event_id)
    AND isValidUTF8(ifNull(supersedes, '')) AND isValidUTF8(ifNull(evidence, ''))
    AND isValidUTF8(ifNull(item, '')) AND isValidUTF8(ifNull(origin_source, ''))
    AND isValidUTF8(ifNull(root_reference, '')) AND isValidUTF8(ifNull(arm, ''))
    AND isValidUTF8(ifNull(rate_percent, '')) AND isValidUTF8(ifNull(utm_source, ''))) = 1;
ALTER TABLE statement_changes DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(statement_id) AND isValidUTF8(beneficiary) AND isValidUTF8(status)
    AND isValidUTF8(actor) AND isValidUTF8(currency) AND isValidUTF8(ifNull(batch_id, ''))
    AND isValidUTF8(ifNull(format, '')) AND isValidUTF8(ifNull(provider_reference, ''))
    AND isValidUTF8(ifNull(detail, ''))) = 1;
ALTER TABLE statement_lines DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(line_id) AND isValidUTF8(statement_id) AND isValidUTF8(beneficiary)
    AND isValidUTF8(reward_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(role)
    AND isValidUTF8(action) AND isValidUTF8(kind) AND isValidUTF8(ifNull(campaign_id, ''))
    AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(currency) AND isValidUTF8(reason)) = 1;
ALTER TABLE statements DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(statement_id) AND isValidUTF8(beneficiary) AND isValidUTF8(currency)
    AND isValidUTF8(digest) AND isValidUTF8(ifNull(carried_over, ''))
    AND arrayAll(text -> isValidUTF8(text), kinds) AND isValidUTF8(counted_from) AND isValidUTF8(prepared_by)
    AND isValidUTF8(ledger_positions)) = 1;
ALTER TABLE touches DROP CONSTRAINT IF EXISTS texts_are_utf_8,
    ADD CONSTRAINT IF NOT EXISTS texts_are_utf_8 CHECK
    (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules)
    AND isValidUTF8(visitor_id) AND isValidUTF8(type) AND isValidUTF8(code)
    AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, ''))
    AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(code_evidence, ''))
    AND isValidUTF8(touch_event_id) AND isValidUTF8(ifNull(device_hash, ''))
    AND isValidUTF8(ifNull(ip_hash, '')) AND isValidUTF8(ifNull(network_hash, ''))
    AND isValidUTF8(ifNull(key_kind, '')) AND isValidUTF8(ifNull(arm, ''))
    AND isValidUTF8(ifNull(utm_source, ''))) = 1;
