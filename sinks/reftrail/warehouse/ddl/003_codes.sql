-- Each code as it stands: the change with the highest revision. facts repeats what the view of one
-- user shows, see rewards.entry.
CREATE TABLE IF NOT EXISTS codes (
    event_id           String,
    event_time         DateTime64(3, 'UTC'),
    received_at        DateTime64(3, 'UTC'),
    code               String,
    campaign_id        String,
    owner_user_id      Nullable(String),
    category           Nullable(String),
    channel            Nullable(String),
    status             String,
    created_at         DateTime64(3, 'UTC'),
    expires_at         Nullable(DateTime64(3, 'UTC')),
    max_uses           Nullable(Int32),
    max_distributes    Nullable(Int32),
    notes              Nullable(String),
    channels           Array(String),
    regions            Array(String),
    record_kind        Nullable(String),
    record_id          Nullable(String),
    origin             Nullable(String),
    owner_device_hash  Nullable(String),
    owner_ip_hash      Nullable(String),
    owner_network_hash Nullable(String),
    owner_email_hash   Nullable(String),
    revision           Int64,
    facts String MATERIALIZED formatRowNoNewline(
        'JSONCompactEachRow',
        'code', code, owner_user_id, campaign_id, status, toUnixTimestamp64Milli(created_at),
        toUnixTimestamp64Milli(expires_at), max_uses
    )
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY code
SETTINGS index_granularity = 256,
    non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
