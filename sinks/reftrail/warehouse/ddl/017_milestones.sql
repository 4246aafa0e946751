-- Milestones that referrers reached or lost. Read a referrer at a time, so a part keeps all
-- columns in one file.
CREATE TABLE IF NOT EXISTS milestones (
    event_id         String,
    event_time       DateTime64(3, 'UTC'),
    received_at      DateTime64(3, 'UTC'),
    cause_topic      String,
    cause_partition  Int32,
    cause_offset     Int64,
    cause_event_id   String,
    rules            String,
    beneficiary      String,
    campaign_id      String,
    campaign_version Int32,
    code             String,
    user_id          String,
    name             String,
    kind             String,
    grants           Int32,
    reached          Bool,
    times            Int32,
    value_micros     Int64,
    currency         Nullable(String),
    reward_kind      Nullable(String),
    item             Nullable(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 128,
    min_bytes_for_wide_part = 1000000000000, min_rows_for_wide_part = 1000000000000,
    non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
