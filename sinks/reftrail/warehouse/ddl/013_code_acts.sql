-- The codes' audit log: who did what to which code, and why. A line that comes twice is the same.
CREATE TABLE IF NOT EXISTS code_acts (
    event_id    String,
    event_time  DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    code        Nullable(String),
    campaign_id String,
    act         String,
    actor       String,
    reason      Nullable(String),
    before      Nullable(String),
    after       Nullable(String),
    batch_id    Nullable(String),
    codes       Int64,
    revision    Int64
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
