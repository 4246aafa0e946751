-- What each ledger entry adds to its beneficiary's balance: stated here, and nowhere else in the
-- warehouse. granted adds its value, also where it grants again what had failed or expired; reversed
-- (in whole or in part), failed and expired take theirs away; held, rejected and fulfilled change
-- nothing.
ALTER TABLE rewards ADD COLUMN IF NOT EXISTS effect_micros Int64 MATERIALIZED multiIf(
    status = 'granted', value_micros,
    status IN ('reversed', 'failed', 'expired'), -value_micros,
    toInt64(0)
);
ALTER TABLE rewards MATERIALIZE COLUMN effect_micros;

-- Each reward as it is now, from all of its entries in the order of the log.
--
-- at is when the action happened that it was first decided for. status is that of the last entry;
-- an entry that takes back a part leaves it as it was. is_granted: it was granted at some time.
-- balance_micros is what it is worth to its beneficiary now, reversed_micros what was ever taken
-- back, lapsed_micros what failed or expired and was not granted again.
CREATE VIEW IF NOT EXISTS reward_balances AS
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
    lapsed_micros
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
        ) AS lapsed_micros
    FROM rewards FINAL
    GROUP BY reward_id
);

-- The decisions who referred a user that hold now: those that were not corrected since. A user has
-- several only where a campaign lets each of its users be referred in it.
CREATE VIEW IF NOT EXISTS current_attributions AS
SELECT
    event_id, event_time, received_at, user_id, visitor_id, code, campaign_id, code_evidence, basis,
    touch_event_id, touch_time, signup_event_id, category, channel, corrects
FROM attributions FINAL
WHERE decisive AND event_id NOT IN (
    SELECT assumeNotNull(corrects) FROM attributions WHERE corrects IS NOT NULL
);
