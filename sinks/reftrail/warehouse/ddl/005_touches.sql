-- Each visitor's first touch as known now. All of a visitor's touches follow from events in one
-- partition, so the one that follows from the latest of these holds.
CREATE TABLE IF NOT EXISTS touches (
    event_id        String,
    event_time      DateTime64(3, 'UTC'),
    received_at     DateTime64(3, 'UTC'),
    cause_topic     String,
    cause_partition Int32,
    cause_offset    Int64,
    cause_event_id  String,
    rules           String,
    visitor_id      String,
    type            String,
    code            String,
    campaign_id     Nullable(String),
    category        Nullable(String),
    channel         Nullable(String),
    code_evidence   Nullable(String),
    touch_event_id  String,
    expires_at      DateTime64(3, 'UTC'),
    device_hash     Nullable(String),
    ip_hash         Nullable(String)
)
ENGINE = ReplacingMergeTree(cause_offset)
ORDER BY visitor_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
