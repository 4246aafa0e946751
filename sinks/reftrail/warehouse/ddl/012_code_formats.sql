-- Each format of codes as it stands: the definition with the highest revision.
CREATE TABLE IF NOT EXISTS code_formats (
    event_id    String,
    event_time  DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    name        String,
    kind        String,
    pattern     String,
    campaign_id Nullable(String),
    category    Nullable(String),
    channel     Nullable(String),
    count       Int64,
    key_id      Nullable(String),
    status      String,
    revision    Int64
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY name
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
