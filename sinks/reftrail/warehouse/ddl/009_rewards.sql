-- The reward ledger, one row an entry.
CREATE TABLE IF NOT EXISTS rewards (
    event_id         String,
    event_time       DateTime64(3, 'UTC'),
    received_at      DateTime64(3, 'UTC'),
    cause_topic      String,
    cause_partition  Int32,
    cause_offset     Int64,
    cause_event_id   String,
    rules            String,
    reward_id        String,
    code             String,
    user_id          String,
    beneficiary      Nullable(String),
    role             String,
    action           String,
    status           String,
    reasons          Array(String),
    value_micros     Int64,
    currency         String,
    kind             String,
    campaign_id      Nullable(String),
    campaign_version Nullable(Int32),
    category         Nullable(String),
    channel          Nullable(String),
    order_id         Nullable(String),
    basis            String,
    touch_event_id   Nullable(String),
    action_event_id  String,
    supersedes       Nullable(String),
    action_time      Nullable(DateTime64(3, 'UTC')),
    score            Nullable(Int32),
    evidence         Nullable(String),
    item             Nullable(String),
    origin_source    Nullable(String),
    root_reference   Nullable(String),
    due_at           Nullable(DateTime64(3, 'UTC')),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
