-- What analysts decided about rewards.
CREATE TABLE IF NOT EXISTS reviews (
    event_id    String,
    event_time  DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    code        String,
    user_id     String,
    reward_id   Nullable(String),
    decision    String,
    reviewer    String,
    reason      Nullable(String),
    note        Nullable(String)
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
