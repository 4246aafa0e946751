-- Messages that a stage or sink could not take.
CREATE TABLE IF NOT EXISTS dead_letters (
    event_id    String,
    event_time  DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    stage       String,
    reason      String,
    detail      String,
    topic       String,
    partition   Int32,
    offset      Int64,
    message_key Nullable(String),
    payload     Nullable(String),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(topic, partition, offset), 1048575)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
