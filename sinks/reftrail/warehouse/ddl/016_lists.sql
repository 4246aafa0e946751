-- The allow and block lists: each entry as it stands.
CREATE TABLE IF NOT EXISTS lists (
    event_id    String,
    event_time  DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    subject     String,
    value       String,
    listing     Nullable(String),
    expires_at  Nullable(DateTime64(3, 'UTC')),
    reason      Nullable(String),
    actor       String,
    hash_key_id Nullable(String)
)
ENGINE = ReplacingMergeTree(event_time)
ORDER BY (subject, value)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
