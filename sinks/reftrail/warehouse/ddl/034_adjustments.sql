-- Adjustments of the ledger by hand, and what second persons decided about them.
CREATE TABLE IF NOT EXISTS adjustments (
    event_id      String,
    event_time    DateTime64(3, 'UTC'),
    received_at   DateTime64(3, 'UTC'),
    adjustment_id String,
    code          String,
    user_id       String,
    role          Nullable(String),
    value_micros  Int64,
    currency      String,
    kind          Nullable(String),
    reason        String,
    note          Nullable(String),
    actor         String,
    order_id      Nullable(String),
    reward_id     Nullable(String)
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE TABLE IF NOT EXISTS adjustment_decisions (
    event_id      String,
    event_time    DateTime64(3, 'UTC'),
    received_at   DateTime64(3, 'UTC'),
    adjustment_id String,
    code          String,
    user_id       String,
    decision      String,
    actor         String,
    note          Nullable(String)
)
ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- What each ledger entry adds to its beneficiary's balance, as `019_balances.sql` says; an adjustment
-- adds its value, which is negative for a debit.
ALTER TABLE rewards MODIFY COLUMN effect_micros Int64 MATERIALIZED multiIf(
    status IN ('granted', 'adjusted'), value_micros,
    status IN ('reversed', 'failed', 'expired'), -value_micros,
    toInt64(0)
);
-- An older warehouse may have loaded adjustments before.
ALTER TABLE rewards MATERIALIZE COLUMN effect_micros;
