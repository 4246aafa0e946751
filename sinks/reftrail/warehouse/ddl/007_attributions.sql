-- Who referred each user: decisive rows, of which those count that none corrects, and late touches
-- that changed nothing. Looked up for a few codes at a time, so a part keeps all columns in one
-- file.
CREATE TABLE IF NOT EXISTS attributions (
    event_id        String,
    event_time      DateTime64(3, 'UTC'),
    received_at     DateTime64(3, 'UTC'),
    cause_topic     String,
    cause_partition Int32,
    cause_offset    Int64,
    cause_event_id  String,
    rules           String,
    user_id         String,
    visitor_id      Nullable(String),
    code            String,
    campaign_id     Nullable(String),
    code_evidence   Nullable(String),
    basis           String,
    decisive        Bool,
    touch_event_id  Nullable(String),
    touch_time      DateTime64(3, 'UTC'),
    signup_event_id String,
    category        Nullable(String),
    channel         Nullable(String),
    corrects        Nullable(String),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY (user_id, event_id)
SETTINGS index_granularity = 1024,
    min_bytes_for_wide_part = 1000000000000, min_rows_for_wide_part = 1000000000000,
    non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
