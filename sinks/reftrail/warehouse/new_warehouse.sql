-- up to 045_user_page.sql
CREATE TABLE IF NOT EXISTS adjustment_decisions
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `adjustment_id` String,
    `code` String,
    `user_id` String,
    `decision` String,
    `actor` String,
    `note` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(adjustment_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(decision) AND isValidUTF8(actor) AND isValidUTF8(ifNull(note, ''))) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS adjustments
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `adjustment_id` String,
    `code` String,
    `user_id` String,
    `role` Nullable(String),
    `value_micros` Int64,
    `currency` String,
    `kind` Nullable(String),
    `reason` String,
    `note` Nullable(String),
    `actor` String,
    `order_id` Nullable(String),
    `reward_id` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(adjustment_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(ifNull(role, '')) AND isValidUTF8(currency) AND isValidUTF8(ifNull(kind, '')) AND isValidUTF8(reason) AND isValidUTF8(ifNull(note, '')) AND isValidUTF8(actor) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(ifNull(reward_id, ''))) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS attributions
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `cause_topic` String,
    `cause_partition` Int32,
    `cause_offset` Int64,
    `cause_event_id` String,
    `rules` String,
    `user_id` String,
    `visitor_id` Nullable(String),
    `code` String,
    `campaign_id` Nullable(String),
    `code_evidence` Nullable(String),
    `basis` String,
    `decisive` Bool,
    `touch_event_id` Nullable(String),
    `touch_time` DateTime64(3, 'UTC'),
    `signup_event_id` String,
    `category` Nullable(String),
    `channel` Nullable(String),
    `corrects` Nullable(String),
    `precedence` UInt64 MATERIALIZED bitOr(bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20), bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)),
    `arm` Nullable(String),
    `utm_source` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules) AND isValidUTF8(user_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(code) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(code_evidence, '')) AND isValidUTF8(basis) AND isValidUTF8(ifNull(touch_event_id, '')) AND isValidUTF8(signup_event_id) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(corrects, '')) AND isValidUTF8(ifNull(arm, '')) AND isValidUTF8(ifNull(utm_source, ''))) = 1,
    PROJECTION by_code
    (
        SELECT
            code,
            user_id,
            event_id,
            decisive
        ORDER BY
            code,
            user_id
    ),
    PROJECTION by_corrected
    (
        SELECT corrects
        ORDER BY assumeNotNull(corrects)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY (user_id, event_id)
SETTINGS index_granularity = 1024, min_bytes_for_wide_part = 1000000000000, min_rows_for_wide_part = 1000000000000, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, deduplicate_merge_projection_mode = 'rebuild';
CREATE TABLE IF NOT EXISTS campaigns
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `campaign_id` String,
    `version` Int32,
    `effective_from` DateTime64(3, 'UTC'),
    `name` String,
    `category` Nullable(String),
    `starts_at` Nullable(DateTime64(3, 'UTC')),
    `ends_at` Nullable(DateTime64(3, 'UTC')),
    `attribution_window_ms` Int64,
    `counts_views` Bool,
    `typed_code_wins` Bool,
    `late_touch_grace_ms` Int64,
    `trigger` String,
    `minimum_amount_micros` Int64,
    `referrer_reward_micros` Int64,
    `referrer_reward_kind` String,
    `referee_reward_micros` Int64,
    `referee_reward_kind` String,
    `reward_currency` String,
    `referrer_reward_item` Nullable(String),
    `referee_reward_item` Nullable(String),
    `policy` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(campaign_id) AND isValidUTF8(name) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(trigger) AND isValidUTF8(referrer_reward_kind) AND isValidUTF8(referee_reward_kind) AND isValidUTF8(reward_currency) AND isValidUTF8(ifNull(referrer_reward_item, '')) AND isValidUTF8(ifNull(referee_reward_item, '')) AND isValidUTF8(ifNull(policy, ''))) = 1
)
ENGINE = ReplacingMergeTree(event_time)
ORDER BY (campaign_id, version)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS claims
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `cause_topic` String,
    `cause_partition` Int32,
    `cause_offset` Int64,
    `cause_event_id` String,
    `rules` String,
    `code` String,
    `code_evidence` Nullable(String),
    `campaign_id` Nullable(String),
    `user_id` String,
    `visitor_id` Nullable(String),
    `action` String,
    `action_event_id` String,
    `basis` String,
    `touch_event_id` Nullable(String),
    `touch_time` DateTime64(3, 'UTC'),
    `signed_up_at` DateTime64(3, 'UTC'),
    `order_id` Nullable(String),
    `amount_micros` Nullable(Int64),
    `currency` Nullable(String),
    `country` Nullable(String),
    `channel` Nullable(String),
    `source` Nullable(String),
    `device_hash` Nullable(String),
    `ip_hash` Nullable(String),
    `network_hash` Nullable(String),
    `email_hash` Nullable(String),
    `email_disposable` Nullable(Bool),
    `hash_key_id` Nullable(String),
    `checks` Array(String),
    `root_reference` Nullable(String),
    `precedence` UInt64 MATERIALIZED bitOr(bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20), bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)),
    `touch_received_at` Nullable(DateTime64(3, 'UTC')),
    `touch_key_kind` Nullable(String),
    `touch_device_hash` Nullable(String),
    `touch_ip_hash` Nullable(String),
    `touch_network_hash` Nullable(String),
    `net_amount_micros` Nullable(Int64),
    `refund_id` Nullable(String),
    `amount_refunded_micros` Nullable(Int64),
    `dispute_id` Nullable(String),
    `first_purchase_at` Nullable(DateTime64(3, 'UTC')),
    `arm` Nullable(String),
    `utm_source` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules) AND isValidUTF8(code) AND isValidUTF8(ifNull(code_evidence, '')) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(user_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(action) AND isValidUTF8(action_event_id) AND isValidUTF8(basis) AND isValidUTF8(ifNull(touch_event_id, '')) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(ifNull(currency, '')) AND isValidUTF8(ifNull(country, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(source, '')) AND isValidUTF8(ifNull(device_hash, '')) AND isValidUTF8(ifNull(ip_hash, '')) AND isValidUTF8(ifNull(network_hash, '')) AND isValidUTF8(ifNull(email_hash, '')) AND isValidUTF8(ifNull(hash_key_id, '')) AND arrayAll(text -> isValidUTF8(text), checks) AND isValidUTF8(ifNull(root_reference, '')) AND isValidUTF8(ifNull(touch_key_kind, '')) AND isValidUTF8(ifNull(touch_device_hash, '')) AND isValidUTF8(ifNull(touch_ip_hash, '')) AND isValidUTF8(ifNull(touch_network_hash, '')) AND isValidUTF8(ifNull(refund_id, '')) AND isValidUTF8(ifNull(dispute_id, '')) AND isValidUTF8(ifNull(arm, '')) AND isValidUTF8(ifNull(utm_source, ''))) = 1
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192, min_bytes_for_wide_part = 268435456;
CREATE TABLE IF NOT EXISTS code_acts
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `code` Nullable(String),
    `campaign_id` String,
    `act` String,
    `actor` String,
    `reason` Nullable(String),
    `before` Nullable(String),
    `after` Nullable(String),
    `batch_id` Nullable(String),
    `codes` Int64,
    `revision` Int64,
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(ifNull(code, '')) AND isValidUTF8(campaign_id) AND isValidUTF8(act) AND isValidUTF8(actor) AND isValidUTF8(ifNull(reason, '')) AND isValidUTF8(ifNull(before, '')) AND isValidUTF8(ifNull(after, '')) AND isValidUTF8(ifNull(batch_id, ''))) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS code_formats
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `name` String,
    `kind` String,
    `pattern` String,
    `campaign_id` Nullable(String),
    `category` Nullable(String),
    `channel` Nullable(String),
    `count` Int64,
    `key_id` Nullable(String),
    `status` String,
    `revision` Int64,
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(name) AND isValidUTF8(kind) AND isValidUTF8(pattern) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(key_id, '')) AND isValidUTF8(status)) = 1
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY name
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS codes
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `code` String,
    `campaign_id` String,
    `owner_user_id` Nullable(String),
    `category` Nullable(String),
    `channel` Nullable(String),
    `status` String,
    `created_at` DateTime64(3, 'UTC'),
    `expires_at` Nullable(DateTime64(3, 'UTC')),
    `max_uses` Nullable(Int32),
    `max_distributes` Nullable(Int32),
    `notes` Nullable(String),
    `channels` Array(String),
    `regions` Array(String),
    `record_kind` Nullable(String),
    `record_id` Nullable(String),
    `origin` Nullable(String),
    `owner_device_hash` Nullable(String),
    `owner_ip_hash` Nullable(String),
    `owner_network_hash` Nullable(String),
    `owner_email_hash` Nullable(String),
    `revision` Int64,
    `facts` String MATERIALIZED formatRowNoNewline('JSONCompactEachRow', 'code', code, owner_user_id, campaign_id, status, toUnixTimestamp64Milli(created_at), toUnixTimestamp64Milli(expires_at), max_uses),
    `past_stops` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(code) AND isValidUTF8(campaign_id) AND isValidUTF8(ifNull(owner_user_id, '')) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(status) AND isValidUTF8(ifNull(notes, '')) AND arrayAll(text -> isValidUTF8(text), channels) AND arrayAll(text -> isValidUTF8(text), regions) AND isValidUTF8(ifNull(record_kind, '')) AND isValidUTF8(ifNull(record_id, '')) AND isValidUTF8(ifNull(origin, '')) AND isValidUTF8(ifNull(owner_device_hash, '')) AND isValidUTF8(ifNull(owner_ip_hash, '')) AND isValidUTF8(ifNull(owner_network_hash, '')) AND isValidUTF8(ifNull(owner_email_hash, '')) AND isValidUTF8(ifNull(past_stops, ''))) = 1,
    PROJECTION by_owner
    (
        SELECT
            code,
            owner_user_id
        ORDER BY
            assumeNotNull(owner_user_id),
            code
    )
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY code
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, deduplicate_merge_projection_mode = 'rebuild';
CREATE TABLE IF NOT EXISTS conversions
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `cause_topic` String,
    `cause_partition` Int32,
    `cause_offset` Int64,
    `cause_event_id` String,
    `rules` String,
    `kind` String,
    `user_id` String,
    `visitor_id` Nullable(String),
    `conversion_event_id` String,
    `order_id` Nullable(String),
    `amount_micros` Nullable(Int64),
    `currency` Nullable(String),
    `typed_code` Nullable(String),
    `typed_code_known` Nullable(Bool),
    `typed_code_evidence` Nullable(String),
    `typed_campaign_id` Nullable(String),
    `typed_category` Nullable(String),
    `touch_event_id` Nullable(String),
    `touch_time` Nullable(DateTime64(3, 'UTC')),
    `touch_type` Nullable(String),
    `touch_code` Nullable(String),
    `touch_code_evidence` Nullable(String),
    `touch_campaign_id` Nullable(String),
    `touch_category` Nullable(String),
    `touch_channel` Nullable(String),
    `arrived_at` Nullable(DateTime64(3, 'UTC')),
    `signed_up_at` Nullable(DateTime64(3, 'UTC')),
    `country` Nullable(String),
    `channel` Nullable(String),
    `source` Nullable(String),
    `device_hash` Nullable(String),
    `ip_hash` Nullable(String),
    `network_hash` Nullable(String),
    `email_hash` Nullable(String),
    `email_disposable` Nullable(Bool),
    `hash_key_id` Nullable(String),
    `precedence` UInt64 MATERIALIZED bitOr(bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20), bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)),
    `touch_received_at` Nullable(DateTime64(3, 'UTC')),
    `touch_key_kind` Nullable(String),
    `touch_device_hash` Nullable(String),
    `touch_ip_hash` Nullable(String),
    `touch_network_hash` Nullable(String),
    `net_amount_micros` Nullable(Int64),
    `refund_id` Nullable(String),
    `amount_refunded_micros` Nullable(Int64),
    `dispute_id` Nullable(String),
    `merged_into` Nullable(String),
    `touch_arm` Nullable(String),
    `utm_source` Nullable(String),
    `touch_utm_source` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules) AND isValidUTF8(kind) AND isValidUTF8(user_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(conversion_event_id) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(ifNull(currency, '')) AND isValidUTF8(ifNull(typed_code, '')) AND isValidUTF8(ifNull(typed_code_evidence, '')) AND isValidUTF8(ifNull(typed_campaign_id, '')) AND isValidUTF8(ifNull(typed_category, '')) AND isValidUTF8(ifNull(touch_event_id, '')) AND isValidUTF8(ifNull(touch_type, '')) AND isValidUTF8(ifNull(touch_code, '')) AND isValidUTF8(ifNull(touch_code_evidence, '')) AND isValidUTF8(ifNull(touch_campaign_id, '')) AND isValidUTF8(ifNull(touch_category, '')) AND isValidUTF8(ifNull(touch_channel, '')) AND isValidUTF8(ifNull(country, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(source, '')) AND isValidUTF8(ifNull(device_hash, '')) AND isValidUTF8(ifNull(ip_hash, '')) AND isValidUTF8(ifNull(network_hash, '')) AND isValidUTF8(ifNull(email_hash, '')) AND isValidUTF8(ifNull(hash_key_id, '')) AND isValidUTF8(ifNull(touch_key_kind, '')) AND isValidUTF8(ifNull(touch_device_hash, '')) AND isValidUTF8(ifNull(touch_ip_hash, '')) AND isValidUTF8(ifNull(touch_network_hash, '')) AND isValidUTF8(ifNull(refund_id, '')) AND isValidUTF8(ifNull(dispute_id, '')) AND isValidUTF8(ifNull(merged_into, '')) AND isValidUTF8(ifNull(touch_arm, '')) AND isValidUTF8(ifNull(utm_source, '')) AND isValidUTF8(ifNull(touch_utm_source, ''))) = 1
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192, min_bytes_for_wide_part = 268435456;
CREATE TABLE IF NOT EXISTS dead_letters
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `stage` String,
    `reason` String,
    `detail` String,
    `topic` String,
    `partition` Int32,
    `offset` Int64,
    `message_key` Nullable(String),
    `payload` Nullable(String),
    `precedence` UInt64 MATERIALIZED bitOr(bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20), bitAnd(cityHash64(topic, partition, offset), 1048575)),
    `payload_size` Nullable(Int64),
    `payload_sha256` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(stage) AND isValidUTF8(reason) AND isValidUTF8(detail) AND isValidUTF8(topic) AND isValidUTF8(ifNull(payload_sha256, ''))) = 1
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS duplicate_events
(
    `event_id` String,
    `type` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `visitor_id` Nullable(String),
    `user_id` Nullable(String),
    `code` Nullable(String),
    `code_known` Nullable(Bool),
    `code_evidence` Nullable(String),
    `campaign_id` Nullable(String),
    `category` Nullable(String),
    `channel` Nullable(String),
    `source` Nullable(String),
    `device_hash` Nullable(String),
    `ip_hash` Nullable(String),
    `network_hash` Nullable(String),
    `email_hash` Nullable(String),
    `email_disposable` Nullable(Bool),
    `hash_key_id` Nullable(String),
    `is_bot` Bool,
    `country` Nullable(String),
    `order_id` Nullable(String),
    `amount_micros` Nullable(Int64),
    `currency` Nullable(String),
    `properties` Nullable(String),
    `client_campaign_id` Nullable(String),
    `key_kind` Nullable(String),
    `clock_skew_ms` Nullable(Int64),
    `refund_id` Nullable(String),
    `amount_refunded_micros` Nullable(Int64),
    `net_amount_micros` Nullable(Int64),
    `tax_micros` Nullable(Int64),
    `shipping_micros` Nullable(Int64),
    `dispute_id` Nullable(String),
    `merged_into` Nullable(String),
    `load` UInt64,
    `utm_source` Nullable(String),
    `user_agent_family` Nullable(String),
    `user_agent_os` Nullable(String),
    `device_class` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(ifNull(user_id, '')) AND isValidUTF8(ifNull(code, '')) AND isValidUTF8(ifNull(code_evidence, '')) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(source, '')) AND isValidUTF8(ifNull(device_hash, '')) AND isValidUTF8(ifNull(ip_hash, '')) AND isValidUTF8(ifNull(network_hash, '')) AND isValidUTF8(ifNull(email_hash, '')) AND isValidUTF8(ifNull(hash_key_id, '')) AND isValidUTF8(ifNull(country, '')) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(ifNull(currency, '')) AND isValidUTF8(ifNull(properties, '')) AND isValidUTF8(ifNull(client_campaign_id, '')) AND isValidUTF8(ifNull(key_kind, '')) AND isValidUTF8(ifNull(refund_id, '')) AND isValidUTF8(ifNull(dispute_id, '')) AND isValidUTF8(ifNull(merged_into, '')) AND isValidUTF8(ifNull(utm_source, '')) AND isValidUTF8(ifNull(user_agent_family, '')) AND isValidUTF8(ifNull(user_agent_os, '')) AND isValidUTF8(ifNull(device_class, ''))) = 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (event_id, load)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192, min_bytes_for_wide_part = 268435456;
CREATE TABLE IF NOT EXISTS events
(
    `event_id` String,
    `type` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `visitor_id` Nullable(String),
    `user_id` Nullable(String),
    `code` Nullable(String),
    `code_known` Nullable(Bool),
    `code_evidence` Nullable(String),
    `campaign_id` Nullable(String),
    `category` Nullable(String),
    `channel` Nullable(String),
    `source` Nullable(String),
    `device_hash` Nullable(String),
    `ip_hash` Nullable(String),
    `network_hash` Nullable(String),
    `email_hash` Nullable(String),
    `email_disposable` Nullable(Bool),
    `hash_key_id` Nullable(String),
    `is_bot` Bool,
    `country` Nullable(String),
    `order_id` Nullable(String),
    `amount_micros` Nullable(Int64),
    `currency` Nullable(String),
    `properties` Nullable(String),
    `client_campaign_id` Nullable(String),
    `key_kind` Nullable(String),
    `clock_skew_ms` Nullable(Int64),
    `refund_id` Nullable(String),
    `amount_refunded_micros` Nullable(Int64),
    `net_amount_micros` Nullable(Int64),
    `tax_micros` Nullable(Int64),
    `shipping_micros` Nullable(Int64),
    `dispute_id` Nullable(String),
    `merged_into` Nullable(String),
    `load` UInt64,
    `utm_source` Nullable(String),
    `user_agent_family` Nullable(String),
    `user_agent_os` Nullable(String),
    `device_class` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(ifNull(visitor_id, '')) AND isValidUTF8(ifNull(user_id, '')) AND isValidUTF8(ifNull(code, '')) AND isValidUTF8(ifNull(code_evidence, '')) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(source, '')) AND isValidUTF8(ifNull(device_hash, '')) AND isValidUTF8(ifNull(ip_hash, '')) AND isValidUTF8(ifNull(network_hash, '')) AND isValidUTF8(ifNull(email_hash, '')) AND isValidUTF8(ifNull(hash_key_id, '')) AND isValidUTF8(ifNull(country, '')) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(ifNull(currency, '')) AND isValidUTF8(ifNull(properties, '')) AND isValidUTF8(ifNull(client_campaign_id, '')) AND isValidUTF8(ifNull(key_kind, '')) AND isValidUTF8(ifNull(refund_id, '')) AND isValidUTF8(ifNull(dispute_id, '')) AND isValidUTF8(ifNull(merged_into, '')) AND isValidUTF8(ifNull(utm_source, '')) AND isValidUTF8(ifNull(user_agent_family, '')) AND isValidUTF8(ifNull(user_agent_os, '')) AND isValidUTF8(ifNull(device_class, ''))) = 1,
    PROJECTION by_event_id
    (
        SELECT
            event_id,
            type,
            key_kind,
            load
        ORDER BY event_id
    ),
    PROJECTION hourly
    (
        SELECT
            campaign_id,
            toStartOfHour(event_time),
            code,
            category,
            channel,
            utm_source,
            country,
            type,
            is_bot,
            count()
        GROUP BY
            campaign_id,
            toStartOfHour(event_time),
            code,
            category,
            channel,
            utm_source,
            country,
            type,
            is_bot
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (campaign_id, toStartOfHour(event_time), code)
SETTINGS allow_nullable_key = 1, lightweight_mutation_projection_mode = 'rebuild', non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192, min_bytes_for_wide_part = 268435456;
CREATE TABLE IF NOT EXISTS fulfilments
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `code` String,
    `user_id` String,
    `reward_id` String,
    `role` String,
    `outcome` String,
    `kind` String,
    `attempts` Int32,
    `reference` Nullable(String),
    `carrier` Nullable(String),
    `tracking_number` Nullable(String),
    `detail` Nullable(String),
    `report` String MATERIALIZED formatRowNoNewline('JSONCompactEachRow', 'report', reward_id, outcome = 'delivered', toUnixTimestamp64Milli(event_time), event_id, carrier, tracking_number, reference, detail),
    `action` Nullable(String),
    `value_micros` Nullable(Int64),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(reward_id) AND isValidUTF8(role) AND isValidUTF8(outcome) AND isValidUTF8(kind) AND isValidUTF8(ifNull(reference, '')) AND isValidUTF8(ifNull(carrier, '')) AND isValidUTF8(ifNull(tracking_number, '')) AND isValidUTF8(ifNull(detail, '')) AND isValidUTF8(ifNull(action, ''))) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY (code, reward_id, event_id)
SETTINGS index_granularity = 128, min_bytes_for_wide_part = 1000000000000, min_rows_for_wide_part = 1000000000000, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS ledger
(
    `topic` String,
    `partition` Int32,
    `from_offset` Int64,
    `to_offset` Int64,
    `load` String,
    `closed` UInt8,
    `messages` UInt64,
    `dead_letters` UInt64,
    `written_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    `last_offset` Int64 DEFAULT -1,
    `last_timestamp` Int64,
    `last_checksum` UInt32
)
ENGINE = ReplacingMergeTree(closed)
ORDER BY (topic, partition, from_offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS lists
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `subject` String,
    `value` String,
    `listing` Nullable(String),
    `expires_at` Nullable(DateTime64(3, 'UTC')),
    `reason` Nullable(String),
    `actor` String,
    `hash_key_id` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(subject) AND isValidUTF8(value) AND isValidUTF8(ifNull(listing, '')) AND isValidUTF8(ifNull(reason, '')) AND isValidUTF8(actor) AND isValidUTF8(ifNull(hash_key_id, ''))) = 1
)
ENGINE = ReplacingMergeTree(event_time)
ORDER BY (subject, value)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS loads
(
    `number` UInt64,
    `topic` String,
    `partition` Int32,
    `from_offset` Int64,
    `to_offset` Int64,
    `load` String,
    `closed` UInt8,
    `messages` UInt64,
    `dead_letters` UInt64,
    `last_offset` Int64 DEFAULT -1,
    `last_timestamp` Int64,
    `last_checksum` UInt32,
    `written_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(closed)
ORDER BY (number, topic, partition, from_offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS merges
(
    `user_id` String,
    `merged_into` String,
    `cause_offset` Int64,
    `event_id` String
)
ENGINE = ReplacingMergeTree
ORDER BY (user_id, event_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS milestones
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `cause_topic` String,
    `cause_partition` Int32,
    `cause_offset` Int64,
    `cause_event_id` String,
    `rules` String,
    `beneficiary` String,
    `campaign_id` String,
    `campaign_version` Int32,
    `code` String,
    `user_id` String,
    `name` String,
    `kind` String,
    `grants` Int32,
    `reached` Bool,
    `times` Int32,
    `value_micros` Int64,
    `currency` Nullable(String),
    `reward_kind` Nullable(String),
    `item` Nullable(String),
    `decided_at` Nullable(DateTime64(3, 'UTC')),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules) AND isValidUTF8(beneficiary) AND isValidUTF8(campaign_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(name) AND isValidUTF8(kind) AND isValidUTF8(ifNull(currency, '')) AND isValidUTF8(ifNull(reward_kind, '')) AND isValidUTF8(ifNull(item, ''))) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 128, min_bytes_for_wide_part = 1000000000000, min_rows_for_wide_part = 1000000000000, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS reviews
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `code` String,
    `user_id` String,
    `reward_id` Nullable(String),
    `decision` String,
    `reviewer` String,
    `reason` Nullable(String),
    `note` Nullable(String),
    `action` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(ifNull(reward_id, '')) AND isValidUTF8(decision) AND isValidUTF8(reviewer) AND isValidUTF8(ifNull(reason, '')) AND isValidUTF8(ifNull(note, '')) AND isValidUTF8(ifNull(action, ''))) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS reward_granted
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `cause_topic` String,
    `cause_partition` Int32,
    `cause_offset` Int64,
    `cause_event_id` String,
    `rules` String,
    `reward_id` String,
    `code` String,
    `user_id` String,
    `beneficiary` String,
    `role` String,
    `action` String,
    `value_micros` Int64,
    `currency` String,
    `kind` String,
    `campaign_id` String,
    `campaign_version` Int32,
    `category` Nullable(String),
    `order_id` Nullable(String),
    `item` Nullable(String),
    `expires_at` Nullable(DateTime64(3, 'UTC')),
    `precedence` UInt64 MATERIALIZED bitOr(bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20), bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules) AND isValidUTF8(reward_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(beneficiary) AND isValidUTF8(role) AND isValidUTF8(action) AND isValidUTF8(currency) AND isValidUTF8(kind) AND isValidUTF8(campaign_id) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(ifNull(item, ''))) = 1
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS reward_withdrawn
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `cause_topic` String,
    `cause_partition` Int32,
    `cause_offset` Int64,
    `cause_event_id` String,
    `rules` String,
    `reward_id` String,
    `code` String,
    `user_id` String,
    `beneficiary` String,
    `role` String,
    `action` String,
    `remaining_micros` Int64,
    `currency` String,
    `kind` String,
    `reasons` Array(String),
    `precedence` UInt64 MATERIALIZED bitOr(bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20), bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules) AND isValidUTF8(reward_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(beneficiary) AND isValidUTF8(role) AND isValidUTF8(action) AND isValidUTF8(currency) AND isValidUTF8(kind) AND arrayAll(text -> isValidUTF8(text), reasons)) = 1
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS rewards
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `cause_topic` String,
    `cause_partition` Int32,
    `cause_offset` Int64,
    `cause_event_id` String,
    `rules` String,
    `reward_id` String,
    `code` String,
    `user_id` String,
    `beneficiary` Nullable(String),
    `role` String,
    `action` String,
    `status` String,
    `reasons` Array(String),
    `value_micros` Int64,
    `currency` String,
    `kind` String,
    `campaign_id` Nullable(String),
    `campaign_version` Nullable(Int32),
    `category` Nullable(String),
    `channel` Nullable(String),
    `order_id` Nullable(String),
    `basis` String,
    `touch_event_id` Nullable(String),
    `action_event_id` String,
    `supersedes` Nullable(String),
    `action_time` Nullable(DateTime64(3, 'UTC')),
    `score` Nullable(Int32),
    `evidence` Nullable(String),
    `item` Nullable(String),
    `origin_source` Nullable(String),
    `root_reference` Nullable(String),
    `due_at` Nullable(DateTime64(3, 'UTC')),
    `precedence` UInt64 MATERIALIZED bitOr(bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20), bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)),
    `entry` String ALIAS line,
    `effect_micros` Int64 MATERIALIZED multiIf((status IN ('granted', 'adjusted')), value_micros, (status IN ('reversed', 'failed', 'expired')), -value_micros, toInt64(0)),
    `qualifies` Nullable(Int32),
    `clawback_micros` Nullable(Int64),
    `decided_at` Nullable(DateTime64(3, 'UTC')),
    `arm` Nullable(String),
    `rate_percent` Nullable(String),
    `base_micros` Nullable(Int64),
    `utm_source` Nullable(String),
    `line` String MATERIALIZED formatRowNoNewline('JSONCompactEachRow', 'entry', event_id, toUnixTimestamp64Milli(event_time), cause_offset, precedence, reward_id, status, value_micros, currency, kind, role, action, code, user_id, campaign_id, order_id, item, reasons, supersedes, toUnixTimestamp64Milli(due_at), effect_micros, ifNull(clawback_micros, 0)),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules) AND isValidUTF8(reward_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(ifNull(beneficiary, '')) AND isValidUTF8(role) AND isValidUTF8(action) AND isValidUTF8(status) AND arrayAll(text -> isValidUTF8(text), reasons) AND isValidUTF8(currency) AND isValidUTF8(kind) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(basis) AND isValidUTF8(ifNull(touch_event_id, '')) AND isValidUTF8(action_event_id) AND isValidUTF8(ifNull(supersedes, '')) AND isValidUTF8(ifNull(evidence, '')) AND isValidUTF8(ifNull(item, '')) AND isValidUTF8(ifNull(origin_source, '')) AND isValidUTF8(ifNull(root_reference, '')) AND isValidUTF8(ifNull(arm, '')) AND isValidUTF8(ifNull(rate_percent, '')) AND isValidUTF8(ifNull(utm_source, ''))) = 1
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 256, allow_nullable_key = 1, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS sources
(
    `topic` String,
    `full_name` String,
    `topic_id` String,
    `cluster_id` String,
    `added_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY topic
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;
CREATE TABLE IF NOT EXISTS statement_changes
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `statement_id` String,
    `revision` Int32,
    `beneficiary` String,
    `number` Int32,
    `status` String,
    `actor` String,
    `amount_micros` Int64,
    `currency` String,
    `batch_id` Nullable(String),
    `format` Nullable(String),
    `provider_reference` Nullable(String),
    `detail` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(statement_id) AND isValidUTF8(beneficiary) AND isValidUTF8(status) AND isValidUTF8(actor) AND isValidUTF8(currency) AND isValidUTF8(ifNull(batch_id, '')) AND isValidUTF8(ifNull(format, '')) AND isValidUTF8(ifNull(provider_reference, '')) AND isValidUTF8(ifNull(detail, ''))) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS statement_lines
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `line_id` String,
    `statement_id` String,
    `revision` Int32,
    `beneficiary` String,
    `reward_id` String,
    `code` String,
    `user_id` String,
    `role` String,
    `action` String,
    `kind` String,
    `campaign_id` Nullable(String),
    `order_id` Nullable(String),
    `currency` String,
    `entitled_micros` Int64,
    `settled_micros` Int64,
    `amount_micros` Int64,
    `reason` String,
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(line_id) AND isValidUTF8(statement_id) AND isValidUTF8(beneficiary) AND isValidUTF8(reward_id) AND isValidUTF8(code) AND isValidUTF8(user_id) AND isValidUTF8(role) AND isValidUTF8(action) AND isValidUTF8(kind) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(order_id, '')) AND isValidUTF8(currency) AND isValidUTF8(reason)) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS statements
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `statement_id` String,
    `revision` Int32,
    `beneficiary` String,
    `currency` String,
    `period_from` DateTime64(3, 'UTC'),
    `period_until` DateTime64(3, 'UTC'),
    `total_micros` Int64,
    `credits_micros` Int64,
    `debits_micros` Int64,
    `lines` Int32,
    `digest` String,
    `carried_over` Nullable(String),
    `kinds` Array(String),
    `minimum_micros` Int64,
    `refund_window_ms` Int64,
    `counted_from` String,
    `two_people` Bool,
    `prepared_by` String,
    `ledger_positions` String,
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(statement_id) AND isValidUTF8(beneficiary) AND isValidUTF8(currency) AND isValidUTF8(digest) AND isValidUTF8(ifNull(carried_over, '')) AND arrayAll(text -> isValidUTF8(text), kinds) AND isValidUTF8(counted_from) AND isValidUTF8(prepared_by) AND isValidUTF8(ledger_positions)) = 1
)
ENGINE = ReplacingMergeTree
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS touched_arms
(
    `campaign_id` String,
    `visitor_id` String,
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `code` String,
    `arm` String
)
ENGINE = ReplacingMergeTree
ORDER BY (campaign_id, visitor_id, event_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192, min_bytes_for_wide_part = 268435456;
CREATE TABLE IF NOT EXISTS touches
(
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `received_at` DateTime64(3, 'UTC'),
    `cause_topic` String,
    `cause_partition` Int32,
    `cause_offset` Int64,
    `cause_event_id` String,
    `rules` String,
    `visitor_id` String,
    `type` String,
    `code` String,
    `campaign_id` Nullable(String),
    `category` Nullable(String),
    `channel` Nullable(String),
    `code_evidence` Nullable(String),
    `touch_event_id` String,
    `expires_at` DateTime64(3, 'UTC'),
    `device_hash` Nullable(String),
    `ip_hash` Nullable(String),
    `network_hash` Nullable(String),
    `key_kind` Nullable(String),
    `arm` Nullable(String),
    `utm_source` Nullable(String),
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(event_id) AND isValidUTF8(cause_topic) AND isValidUTF8(cause_event_id) AND isValidUTF8(rules) AND isValidUTF8(visitor_id) AND isValidUTF8(type) AND isValidUTF8(code) AND isValidUTF8(ifNull(campaign_id, '')) AND isValidUTF8(ifNull(category, '')) AND isValidUTF8(ifNull(channel, '')) AND isValidUTF8(ifNull(code_evidence, '')) AND isValidUTF8(touch_event_id) AND isValidUTF8(ifNull(device_hash, '')) AND isValidUTF8(ifNull(ip_hash, '')) AND isValidUTF8(ifNull(network_hash, '')) AND isValidUTF8(ifNull(key_kind, '')) AND isValidUTF8(ifNull(arm, '')) AND isValidUTF8(ifNull(utm_source, ''))) = 1
)
ENGINE = ReplacingMergeTree(cause_offset)
ORDER BY visitor_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192, min_bytes_for_wide_part = 268435456;
CREATE TABLE IF NOT EXISTS user_page
(
    `about` String,
    `item` String,
    `revision` Int64,
    `event_id` String,
    `line` String,
    CONSTRAINT texts_are_utf_8 CHECK (isValidUTF8(about) AND isValidUTF8(item) AND isValidUTF8(event_id) AND isValidUTF8(line)) = 1
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (about, item)
SETTINGS index_granularity = 256, min_bytes_for_wide_part = 1000000000000, min_rows_for_wide_part = 1000000000000, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE VIEW IF NOT EXISTS statement_settlements
(
    `reward_id` String,
    `beneficiary` String,
    `currency` String,
    `settled_micros` Int64
)
AS SELECT
    lines.reward_id AS reward_id,
    any(lines.beneficiary) AS beneficiary,
    any(lines.currency) AS currency,
    sum(lines.amount_micros) AS settled_micros
FROM
(
    SELECT DISTINCT
        line_id,
        statement_id,
        revision,
        reward_id,
        beneficiary,
        currency,
        amount_micros
    FROM statement_lines
) AS lines
INNER JOIN current_statements AS statements ON (lines.statement_id = statements.statement_id) AND (lines.revision = statements.revision)
WHERE statements.is_settling
GROUP BY lines.reward_id;
CREATE VIEW IF NOT EXISTS current_statements
(
    `statement_id` String,
    `revision` Int32,
    `beneficiary` String,
    `currency` String,
    `period_from` DateTime64(3, 'UTC'),
    `period_until` DateTime64(3, 'UTC'),
    `total_micros` Int64,
    `credits_micros` Int64,
    `debits_micros` Int64,
    `lines` Int32,
    `carried_over` Nullable(String),
    `prepared_by` String,
    `status` String,
    `changed_at` DateTime64(3, 'UTC'),
    `batch_id` Nullable(String),
    `is_settling` UInt8
)
AS SELECT
    statement_id,
    prepared.1 AS revision,
    prepared.2 AS beneficiary,
    prepared.3 AS currency,
    prepared.4 AS period_from,
    prepared.5 AS period_until,
    prepared.6 AS total_micros,
    prepared.7 AS credits_micros,
    prepared.8 AS debits_micros,
    prepared.9 AS lines,
    prepared.10 AS carried_over,
    prepared.11 AS prepared_by,
    if(changed.number > 0, changed.status, 'prepared') AS status,
    changed.changed_at AS changed_at,
    changed.batch_id AS batch_id,
    (changed.number > 0) AND (changed.status IN ('approved', 'exported', 'paid')) AS is_settling
FROM
(
    SELECT
        statement_id,
        argMax(tuple(revision, beneficiary, currency, period_from, period_until, total_micros, credits_micros, debits_micros, lines, carried_over, prepared_by), revision) AS prepared
    FROM statements
    GROUP BY statement_id
) AS revisions
LEFT JOIN
(
    SELECT
        statement_id,
        max(statement_changes.number) AS number,
        argMax(statement_changes.status, statement_changes.number) AS status,
        argMax(statement_changes.event_time, statement_changes.number) AS changed_at,
        argMax(statement_changes.batch_id, statement_changes.number) AS batch_id
    FROM statement_changes
    GROUP BY statement_id
) AS changed USING (statement_id);
CREATE MATERIALIZED VIEW IF NOT EXISTS touched_arms_of_touches TO touched_arms
(
    `campaign_id` String,
    `visitor_id` String,
    `event_id` String,
    `event_time` DateTime64(3, 'UTC'),
    `code` String,
    `arm` String
)
AS SELECT
    assumeNotNull(campaign_id) AS campaign_id,
    visitor_id,
    event_id,
    event_time,
    code,
    assumeNotNull(arm) AS arm
FROM touches
WHERE (arm IS NOT NULL) AND (campaign_id IS NOT NULL);
CREATE MATERIALIZED VIEW IF NOT EXISTS merges_of_conversions TO merges
(
    `user_id` String,
    `merged_into` String,
    `cause_offset` Int64,
    `event_id` String
)
AS SELECT
    user_id,
    assumeNotNull(merged_into) AS merged_into,
    cause_offset,
    event_id
FROM conversions
WHERE (kind = 'users_merged') AND (merged_into IS NOT NULL);
CREATE VIEW IF NOT EXISTS reward_balances
(
    `reward_id` String,
    `code` String,
    `user_id` String,
    `beneficiary` Nullable(String),
    `role` String,
    `action` String,
    `campaign_id` Nullable(String),
    `category` Nullable(String),
    `channel` Nullable(String),
    `currency` String,
    `kind` String,
    `at` DateTime64(3, 'UTC'),
    `utm_source` Nullable(String),
    `status` String,
    `is_granted` UInt8,
    `balance_micros` Int64,
    `reversed_micros` Int64,
    `lapsed_micros` Int64,
    `clawback_micros` Int64
)
AS SELECT
    reward_id,
    decided.1 AS code,
    decided.2 AS user_id,
    decided.3 AS beneficiary,
    decided.4 AS role,
    decided.5 AS action,
    decided.6 AS campaign_id,
    decided.7 AS category,
    decided.8 AS channel,
    decided.9 AS currency,
    decided.10 AS kind,
    decided.11 AS at,
    decided.12 AS utm_source,
    multiIf(is_reinstated AND has(endings, latest.1), if((latest.2) = 'held', 'rejected', 'reversed'), is_reinstated, last_but_endings, last) AS status,
    is_granted,
    balance_micros,
    reversed_micros,
    lapsed_micros,
    clawback_micros
FROM
(
    SELECT
        reward_id,
        argMin(tuple(code, user_id, beneficiary, role, action, campaign_id, category, channel, currency, kind, coalesce(action_time, event_time), utm_source), tuple(rewards.status != 'granted', cause_offset, event_id)) AS decided,
        argMaxIf(rewards.status, tuple((rewards.status IN ('reversed', 'rejected')), cause_offset, rewards.status = 'fulfilled', event_id), NOT has(reasons, 'partly_refunded')) AS last,
        argMaxIf(rewards.status, tuple(cause_offset, rewards.status = 'fulfilled', event_id), (rewards.status NOT IN ('reversed', 'rejected'))) AS last_but_endings,
        countIf(hasAny(reasons, ['reinstated', 'disputed'])) > 0 AS is_reinstated,
        groupUniqArrayIf(ifNull(supersedes, ''), (rewards.status IN ('reversed', 'rejected')) AND (NOT has(reasons, 'partly_refunded'))) AS endings,
        argMaxIf(tuple(event_id, rewards.status), tuple(cause_offset, event_id), (rewards.status IN ('held', 'granted', 'failed'))) AS latest,
        countIf(rewards.status = 'granted') > 0 AS is_granted,
        sum(effect_micros) AS balance_micros,
        sumIf(value_micros, rewards.status = 'reversed') AS reversed_micros,
        sumIf(value_micros, (rewards.status IN ('failed', 'expired'))) - sumIf(value_micros, (rewards.status IN ('granted', 'adjusted')) AND hasAny(reasons, ['tried_again', 'delivered_in_time'])) AS lapsed_micros,
        sum(ifNull(rewards.clawback_micros, 0)) AS clawback_micros
    FROM rewards
    FINAL
    GROUP BY reward_id
);
CREATE MATERIALIZED VIEW IF NOT EXISTS user_page_of_codes TO user_page
(
    `about` String,
    `item` String,
    `revision` Int64,
    `event_id` String,
    `line` String
)
AS SELECT
    about,
    concat('code:', code) AS item,
    revision,
    event_id,
    formatRowNoNewline('JSONCompactEachRow', 'code', code, owner_user_id, campaign_id, status, toUnixTimestamp64Milli(created_at), toUnixTimestamp64Milli(expires_at), max_uses, revision) AS line
FROM codes
ARRAY JOIN if(ifNull(owner_user_id, '') = '', [concat('code:', code)], [concat('code:', code), concat('user:', assumeNotNull(owner_user_id))]) AS about;
CREATE MATERIALIZED VIEW IF NOT EXISTS user_page_of_campaigns TO user_page
(
    `about` String,
    `item` String,
    `revision` Int64,
    `event_id` String,
    `line` String
)
AS SELECT
    concat('campaign:', campaign_id) AS about,
    toString(version) AS item,
    toUnixTimestamp64Milli(event_time) AS revision,
    event_id,
    formatRowNoNewline('JSONCompactEachRow', 'policy', campaign_id, version, toUnixTimestamp64Milli(effective_from), policy, toUnixTimestamp64Milli(event_time)) AS line
FROM campaigns;
CREATE MATERIALIZED VIEW IF NOT EXISTS user_page_of_attributions TO user_page
(
    `about` String,
    `item` String,
    `revision` Int64,
    `event_id` String,
    `line` String
)
AS SELECT
    about,
    event_id AS item,
    toInt64(0) AS revision,
    event_id,
    if(startsWith(about, 'decisions:'), formatRowNoNewline('JSONCompactEachRow', 'decision', code, user_id, event_id), formatRowNoNewline('JSONCompactEachRow', 'correction', corrects)) AS line
FROM attributions
ARRAY JOIN arrayConcat(if(decisive, [concat('decisions:', code)], []), if(corrects IS NULL, [], [concat('corrected:', assumeNotNull(corrects))])) AS about;
CREATE MATERIALIZED VIEW IF NOT EXISTS user_page_of_merges TO user_page
(
    `about` String,
    `item` String,
    `revision` Int64,
    `event_id` String,
    `line` String
)
AS SELECT
    concat('user:', merged) AS about,
    concat('merge:', event_id) AS item,
    toInt64(0) AS revision,
    event_id,
    formatRowNoNewline('JSONCompactEachRow', 'merge', user_id, merged_into, cause_offset, event_id) AS line
FROM merges
ARRAY JOIN [user_id, merged_into] AS merged
WHERE user_id != merged_into;
CREATE MATERIALIZED VIEW IF NOT EXISTS user_page_of_milestones TO user_page
(
    `about` String,
    `item` String,
    `revision` Int64,
    `event_id` String,
    `line` String
)
AS SELECT
    concat('user:', beneficiary) AS about,
    concat('milestone:', event_id) AS item,
    toInt64(0) AS revision,
    event_id,
    formatRowNoNewline('JSONCompactEachRow', 'milestone', beneficiary, campaign_id, name, kind, grants, reached, cause_offset) AS line
FROM milestones;
CREATE MATERIALIZED VIEW IF NOT EXISTS user_page_of_statements TO user_page
(
    `about` String,
    `item` String,
    `revision` Int64,
    `event_id` String,
    `line` String
)
AS SELECT
    concat('user:', beneficiary) AS about,
    concat('statement:', event_id) AS item,
    toInt64(0) AS revision,
    event_id,
    formatRowNoNewline('JSONCompactEachRow', 'statement', statement_id, statements.revision, currency, toUnixTimestamp64Milli(period_from), toUnixTimestamp64Milli(period_until), total_micros, carried_over, toUnixTimestamp64Milli(event_time)) AS line
FROM statements;
CREATE MATERIALIZED VIEW IF NOT EXISTS user_page_of_statement_changes TO user_page
(
    `about` String,
    `item` String,
    `revision` Int64,
    `event_id` String,
    `line` String
)
AS SELECT
    concat('user:', beneficiary) AS about,
    concat('change:', event_id) AS item,
    toInt64(0) AS revision,
    event_id,
    formatRowNoNewline('JSONCompactEachRow', 'statement_change', statement_id, number, status, toUnixTimestamp64Milli(event_time)) AS line
FROM statement_changes;
