-- The part of v_receipts that is about events that had come before, and about dead letters.
-- The columns are those of v_receipts, which says what they mean.
WITH
facts AS (
    SELECT
        'duplicate' AS kind, received_at AS at,
        dateDiff('millisecond', event_time, received_at) AS lag_ms,
        ifNull(clock_skew_ms, 0) AS skew_ms, is_bot, '' AS stage, '' AS reason,
        code, campaign_id, category, channel, utm_source, country
    FROM duplicate_events
    UNION ALL
    SELECT 'dead_letter', event_time, 0, 0, false, stage, reason, NULL, NULL, NULL, NULL, NULL,
        NULL
    FROM dead_letters FINAL
),
/* placed */
SELECT
    p.kind AS kind, p.at AS at, p.lag_ms AS lag_ms, p.skew_ms AS skew_ms, p.is_bot AS is_bot,
    false AS is_unknown, p.stage AS stage, p.reason AS reason, p.its_code AS code,
    p.its_campaign AS campaign_id,
    coalesce(p.its_category, nullIf(n.category, '')) AS category, p.its_channel AS channel,
    p.its_source AS utm_source,
    nullIf(p.country, '') AS country, CAST(NULL, 'Nullable(String)') AS currency
FROM placed AS p
LEFT JOIN (SELECT campaign_id, category FROM v_campaigns) AS n ON p.its_campaign = n.campaign_id
