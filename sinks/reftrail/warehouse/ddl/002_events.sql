-- What clients reported, one row an event. Of several events under one id the one received first
-- stays; of those received in the same millisecond, one that follows from their contents.
CREATE TABLE IF NOT EXISTS events (
    event_id         String,
    type             String,
    event_time       DateTime64(3, 'UTC'),
    received_at      DateTime64(3, 'UTC'),
    visitor_id       Nullable(String),
    user_id          Nullable(String),
    code             Nullable(String),
    code_known       Nullable(Bool),
    code_evidence    Nullable(String),
    campaign_id      Nullable(String),
    category         Nullable(String),
    channel          Nullable(String),
    source           Nullable(String),
    device_hash      Nullable(String),
    ip_hash          Nullable(String),
    network_hash     Nullable(String),
    email_hash       Nullable(String),
    email_disposable Nullable(Bool),
    hash_key_id      Nullable(String),
    user_agent       Nullable(String),
    is_bot           Bool,
    country          Nullable(String),
    order_id         Nullable(String),
    amount_micros    Nullable(Int64),
    currency         Nullable(String),
    properties       Nullable(String),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(event_time, type, ifNull(visitor_id, ''), ifNull(user_id, ''), ifNull(code, '')), 1048575)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
