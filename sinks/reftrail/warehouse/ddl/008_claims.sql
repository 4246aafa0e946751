-- What attributed users did that may earn or undo a reward.
CREATE TABLE IF NOT EXISTS claims (
    event_id         String,
    event_time       DateTime64(3, 'UTC'),
    received_at      DateTime64(3, 'UTC'),
    cause_topic      String,
    cause_partition  Int32,
    cause_offset     Int64,
    cause_event_id   String,
    rules            String,
    code             String,
    code_evidence    Nullable(String),
    campaign_id      Nullable(String),
    user_id          String,
    visitor_id       Nullable(String),
    action           String,
    action_event_id  String,
    basis            String,
    touch_event_id   Nullable(String),
    touch_time       DateTime64(3, 'UTC'),
    signed_up_at     DateTime64(3, 'UTC'),
    order_id         Nullable(String),
    amount_micros    Nullable(Int64),
    currency         Nullable(String),
    country          Nullable(String),
    channel          Nullable(String),
    source           Nullable(String),
    device_hash      Nullable(String),
    ip_hash          Nullable(String),
    network_hash     Nullable(String),
    email_hash       Nullable(String),
    email_disposable Nullable(Bool),
    hash_key_id      Nullable(String),
    checks           Array(String),
    root_reference   Nullable(String),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
