-- The reward ledger, one row an entry, ordered by who earns: whoever asks what a user has earned
-- reads a granule or two a part. An event id never has two beneficiaries.
--
-- A column read from a part costs more than the rows of one user: entry repeats what the view of
-- one user shows, as JSON, so that it reads one column and not twenty.
CREATE TABLE IF NOT EXISTS rewards (
    event_id         String,
    event_time       DateTime64(3, 'UTC'),
    received_at      DateTime64(3, 'UTC'),
    cause_topic      String,
    cause_partition  Int32,
    cause_offset     Int64,
    cause_event_id   String,
    rules            String,
    reward_id        String,
    code             String,
    user_id          String,
    beneficiary      Nullable(String),
    role             String,
    action           String,
    status           String,
    reasons          Array(String),
    value_micros     Int64,
    currency         String,
    kind             String,
    campaign_id      Nullable(String),
    campaign_version Nullable(Int32),
    category         Nullable(String),
    channel          Nullable(String),
    order_id         Nullable(String),
    basis            String,
    touch_event_id   Nullable(String),
    action_event_id  String,
    supersedes       Nullable(String),
    action_time      Nullable(DateTime64(3, 'UTC')),
    score            Nullable(Int32),
    evidence         Nullable(String),
    item             Nullable(String),
    origin_source    Nullable(String),
    root_reference   Nullable(String),
    due_at           Nullable(DateTime64(3, 'UTC')),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)
    ),
    entry String MATERIALIZED formatRowNoNewline(
        'JSONCompactEachRow',
        'entry', event_id, toUnixTimestamp64Milli(event_time), cause_offset, precedence, reward_id,
        status, value_micros, currency, kind, role, action, code, user_id, campaign_id, order_id,
        item, reasons, supersedes, toUnixTimestamp64Milli(due_at)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY (beneficiary, event_id)
SETTINGS index_granularity = 256, allow_nullable_key = 1,
    non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
