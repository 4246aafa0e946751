-- What became of orders to fulfil: one row for each reward and outcome.
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
    detail          Nullable(String)
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
