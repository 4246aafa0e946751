-- The user's part of the ledger, added up: a row for each currency and kind, for each campaign, for
-- each code, and one for all. grouped_by says which.
--
-- balance_micros: what `reftrail.rules.transitions.effect` adds up to. pending_*: rewards about
-- which nothing has been decided but that they are held. grants: as the milestone stage counts.
-- last_*: the latest grant.
WITH
entries AS (
    SELECT
        event_id, event_time, reward_id, code, user_id, role, status, reasons, value_micros,
        currency, kind, ifNull(campaign_id, '') AS campaign
    FROM rewards
    WHERE beneficiary = {user:String} AND assumeNotNull(beneficiary) = {user:String}
    ORDER BY precedence DESC
    LIMIT 1 BY event_id
),
kept AS (
    SELECT
        reward_id, currency, kind, campaign, code, user_id,
        sum(multiIf(
            status = 'granted', value_micros,
            status IN ('reversed', 'failed', 'expired'), -value_micros,
            0
        )) AS balance,
        countIf(status != 'held') = 0 AS is_held,
        countIf(status = 'granted') > 0 AS is_granted,
        countIf(status = 'rejected') > 0 AS is_rejected,
        max(value_micros) AS most,
        if(
            any(role) = 'referrer',
            toInt64(countIf(status = 'granted' AND NOT has(reasons, 'tried_again')))
                - toInt64(countIf(status = 'reversed' AND NOT has(reasons, 'partly_refunded'))),
            0
        ) AS counted,
        argMaxIf(
            tuple(event_time, value_micros, currency, kind, code, campaign),
            tuple(event_time, event_id),
            status = 'granted'
        ) AS latest
    FROM entries
    GROUP BY reward_id, currency, kind, campaign, code, user_id
)
SELECT
    multiIf(
        grouping(kept.currency) = 0, 'currency',
        grouping(kept.campaign) = 0, 'campaign',
        grouping(kept.code) = 0, 'code',
        'nothing'
    ) AS grouped_by,
    currency, kind, campaign AS campaign_id, code,
    sum(balance) AS balance_micros,
    sumIf(most, is_held) AS pending_micros,
    countIf(is_held) AS rewards_held,
    countIf(is_granted) AS rewards_granted,
    countIf(is_rejected) AS rewards_rejected,
    uniqExactIf(user_id, is_granted) AS users_rewarded,
    sum(counted) AS grants,
    argMaxIf(latest, latest.1, is_granted) AS last,
    last.1 AS last_at, last.2 AS last_micros, last.3 AS last_currency, last.4 AS last_kind,
    last.5 AS last_code, last.6 AS last_campaign_id
FROM kept
GROUP BY GROUPING SETS ((currency, kind), (campaign), (code), ())
ORDER BY grouped_by, currency, kind, campaign_id, code
