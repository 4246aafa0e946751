-- What became of orders to fulfil: one row for each reward and outcome.
--
-- Read a reward at a time, so a part keeps all columns in one file; and report repeats what the view
-- of one user shows, see rewards.entry.
CREATE TABLE IF NOT EXISTS fulfilments (
    event_id        String,
    event_time      DateTime64(3, 'UTC'),
    received_at     DateTime64(3, 'UTC'),
    code            String,
    user_id         String,
    reward_id       String,
    role            String,
    outcome         String,
    kind            String,
    attempts        Int32,
    reference       Nullable(String),
    carrier         Nullable(String),
    tracking_number Nullable(String),
    detail          Nullable(String),
    report String MATERIALIZED formatRowNoNewline(
        'JSONCompactEachRow',
        'report', reward_id, outcome = 'delivered', toUnixTimestamp64Milli(event_time), event_id,
        carrier, tracking_number, reference, detail
    )
)
ENGINE = ReplacingMergeTree
ORDER BY (code, reward_id, event_id)
SETTINGS index_granularity = 128,
    min_bytes_for_wide_part = 1000000000000, min_rows_for_wide_part = 1000000000000,
    non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
