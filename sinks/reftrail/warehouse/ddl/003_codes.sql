-- Each code as it stands: the change with the latest event_time.
CREATE TABLE IF NOT EXISTS codes (
    event_id      String,
    event_time    DateTime64(3, 'UTC'),
    received_at   DateTime64(3, 'UTC'),
    code          String,
    campaign_id   String,
    owner_user_id Nullable(String),
    category      Nullable(String),
    channel       Nullable(String),
    status        String,
    created_at    DateTime64(3, 'UTC'),
    expires_at    Nullable(DateTime64(3, 'UTC')),
    max_uses      Nullable(Int32),
    notes         Nullable(String)
)
ENGINE = ReplacingMergeTree(event_time)
ORDER BY code
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
