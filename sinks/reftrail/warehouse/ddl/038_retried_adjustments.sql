-- Each reward as it is now, as `033_reinstated_rewards.sql` says; of an adjustment by hand whose delivery
-- failed and is tried again, nothing has lapsed either.
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
    multiIf(
        is_reinstated AND has(endings, latest.1), if(latest.2 = 'held', 'rejected', 'reversed'),
        is_reinstated, last_but_endings,
        last
    ) AS status,
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
            rewards.status,
            tuple(
                rewards.status IN ('reversed', 'rejected'),
                cause_offset,
                rewards.status = 'fulfilled',
                event_id
            ),
            NOT has(reasons, 'partly_refunded')
        ) AS last,
        argMaxIf(
            rewards.status,
            tuple(cause_offset, rewards.status = 'fulfilled', event_id),
            rewards.status NOT IN ('reversed', 'rejected')
        ) AS last_but_endings,
        countIf(hasAny(reasons, ['reinstated', 'disputed'])) > 0 AS is_reinstated,
        groupUniqArrayIf(
            ifNull(supersedes, ''),
            rewards.status IN ('reversed', 'rejected') AND NOT has(reasons, 'partly_refunded')
        ) AS endings,
        argMaxIf(
            tuple(event_id, rewards.status),
            tuple(cause_offset, event_id),
            rewards.status IN ('held', 'granted', 'failed')
        ) AS latest,
        countIf(rewards.status = 'granted') > 0 AS is_granted,
        sum(effect_micros) AS balance_micros,
        sumIf(value_micros, rewards.status = 'reversed') AS reversed_micros,
        sumIf(value_micros, rewards.status IN ('failed', 'expired')) - sumIf(
            value_micros,
            rewards.status IN ('granted', 'adjusted')
                AND hasAny(reasons, ['tried_again', 'delivered_in_time'])
        ) AS lapsed_micros,
        sum(ifNull(rewards.clawback_micros, 0)) AS clawback_micros
    FROM rewards FINAL
    GROUP BY reward_id
);
