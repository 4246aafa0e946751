-- The part of v_receipts that is about events that were stored. happened_at is when each happened; the
-- other columns are those of v_receipts, which says what they mean.
WITH
facts AS (
    SELECT
        'event' AS kind, received_at AS at, event_time AS happened_at,
        dateDiff('millisecond', event_time, received_at) AS lag_ms,
        ifNull(clock_skew_ms, 0) AS skew_ms, is_bot,
        code IS NOT NULL AND ifNull(NOT code_known, false) AS is_unknown,
        code, campaign_id, category, channel, utm_source, country
    FROM v_events
),
/* placed */
SELECT
    p.kind AS kind, p.at AS at, p.happened_at AS happened_at, p.lag_ms AS lag_ms,
    p.skew_ms AS skew_ms, p.is_bot AS is_bot, p.is_unknown AS is_unknown,
    '' AS stage, '' AS reason, p.its_code AS code, p.its_campaign AS campaign_id,
    coalesce(p.its_category, nullIf(n.category, '')) AS category, p.its_channel AS channel,
    p.its_source AS utm_source,
    nullIf(p.country, '') AS country, CAST(NULL, 'Nullable(String)') AS currency
FROM placed AS p
LEFT JOIN (SELECT campaign_id, category FROM v_campaigns) AS n ON p.its_campaign = n.campaign_id
