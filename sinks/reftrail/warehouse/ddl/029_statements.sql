-- Statements of what beneficiaries are due, one row a revision, ordered by who asks for them.
CREATE TABLE IF NOT EXISTS statements (
    event_id         String,
    event_time       DateTime64(3, 'UTC'),
    received_at      DateTime64(3, 'UTC'),
    statement_id     String,
    revision         Int32,
    beneficiary      String,
    currency         String,
    period_from      DateTime64(3, 'UTC'),
    period_until     DateTime64(3, 'UTC'),
    total_micros     Int64,
    credits_micros   Int64,
    debits_micros    Int64,
    lines            Int32,
    digest           String,
    carried_over     Nullable(String),
    kinds            Array(String),
    minimum_micros   Int64,
    refund_window_ms Int64,
    counted_from     String,
    two_people       Bool,
    prepared_by      String,
    ledger_positions String
)
ENGINE = ReplacingMergeTree
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;

-- The rewards in them.
CREATE TABLE IF NOT EXISTS statement_lines (
    event_id        String,
    event_time      DateTime64(3, 'UTC'),
    received_at     DateTime64(3, 'UTC'),
    line_id         String,
    statement_id    String,
    revision        Int32,
    beneficiary     String,
    reward_id       String,
    code            String,
    user_id         String,
    role            String,
    action          String,
    kind            String,
    campaign_id     Nullable(String),
    order_id        Nullable(String),
    currency        String,
    entitled_micros Int64,
    settled_micros  Int64,
    amount_micros   Int64,
    reason          String
)
ENGINE = ReplacingMergeTree
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;

-- What became of them: approved, exported, paid, failed, returned.
CREATE TABLE IF NOT EXISTS statement_changes (
    event_id           String,
    event_time         DateTime64(3, 'UTC'),
    received_at        DateTime64(3, 'UTC'),
    statement_id       String,
    revision           Int32,
    beneficiary        String,
    number             Int32,
    status             String,
    actor              String,
    amount_micros      Int64,
    currency           String,
    batch_id           Nullable(String),
    format             Nullable(String),
    provider_reference Nullable(String),
    detail             Nullable(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1, fsync_part_directory = 1;
