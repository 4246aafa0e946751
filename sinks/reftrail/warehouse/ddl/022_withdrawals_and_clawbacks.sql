-- Orders to fulfil that were withdrawn, in whole or in part, by the id of the ledger's entry.
CREATE TABLE IF NOT EXISTS reward_withdrawn (
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
    beneficiary      String,
    role             String,
    action           String,
    remaining_micros Int64,
    currency         String,
    kind             String,
    reasons          Array(String),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- What a report says was delivered, where it says so.
ALTER TABLE fulfilments ADD COLUMN IF NOT EXISTS value_micros Nullable(Int64);

-- What a ledger entry makes its beneficiary owe: NULL where it is nothing. The rules say it; it is
-- added up here, and nowhere else in the warehouse.
ALTER TABLE rewards ADD COLUMN IF NOT EXISTS clawback_micros Nullable(Int64);
