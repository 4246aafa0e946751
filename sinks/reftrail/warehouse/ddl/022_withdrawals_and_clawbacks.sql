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

-- Each reward as it is now, from all of its entries in the order of the log.
--
-- at is when the action happened that it was first decided for. status is that of the last entry;
-- an entry that takes back a part leaves it as it was. is_granted: it was granted at some time.
-- balance_micros is what it is worth to its beneficiary now, reversed_micros what was ever taken
-- back, lapsed_micros what failed or expired and was not granted again, clawback_micros what is to be
-- collected from its beneficiary: delivered, and taken back before or after that.
CREATE OR REPLACE VIEW reward_balances AS
SELECT
    reward_id,
    decided.1 AS code,
    decided.2 AS user_id,
    decided.3 AS beneficiary,
    decided.4 AS role,
    decided.5 AS action,
    decided.6 AS campaign_id,
    decided.7 AS category,
    decided.8 AS channel,
    decided.9 AS currency,
    decided.10 AS kind,
    decided.11 AS at,
    status,
    is_granted,
    balance_micros,
    reversed_micros,
    lapsed_micros,
    clawback_micros
FROM (
    SELECT
        reward_id,
        argMin(
            tuple(
                code, user_id, beneficiary, role, action, campaign_id, category, channel,
                currency, kind, coalesce(action_time, event_time)
            ),
            tuple(rewards.status != 'granted', cause_offset, event_id)
        ) AS decided,
        argMaxIf(
            rewards.status, tuple(cause_offset, event_id), NOT has(reasons, 'partly_refunded')
        ) AS status,
        countIf(rewards.status = 'granted') > 0 AS is_granted,
        sum(effect_micros) AS balance_micros,
        sumIf(value_micros, rewards.status = 'reversed') AS reversed_micros,
        sumIf(value_micros, rewards.status IN ('failed', 'expired')) - sumIf(
            value_micros,
            rewards.status = 'granted' AND hasAny(reasons, ['tried_again', 'delivered_in_time'])
        ) AS lapsed_micros,
        sum(ifNull(rewards.clawback_micros, 0)) AS clawback_micros
    FROM rewards FINAL
    GROUP BY reward_id
);
