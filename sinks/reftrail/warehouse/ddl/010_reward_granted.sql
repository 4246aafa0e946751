-- The orders to fulfil a reward, by the id of the ledger's entry.
CREATE TABLE IF NOT EXISTS reward_granted (
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
    beneficiary      String,
    role             String,
    action           String,
    value_micros     Int64,
    currency         String,
    kind             String,
    campaign_id      String,
    campaign_version Int32,
    category         Nullable(String),
    order_id         Nullable(String),
    item             Nullable(String),
    expires_at       Nullable(DateTime64(3, 'UTC')),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
