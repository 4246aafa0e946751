-- The part of v_activity that is about visitors: views, clicks and forms that were begun.
-- The columns are those of v_activity, which says what they mean.
SELECT
    v.kind AS kind, v.at AS at, v.code AS code, v.campaign_id AS campaign_id,
    v.category AS category, v.channel AS channel, v.utm_source AS utm_source,
    '' AS basis, '' AS status, toFloat64(0) AS hours, v.visitor_id AS visitor_id,
    v.signed_up AS signed_up, false AS is_granted, false AS is_reversed, false AS has_value,
    toInt64(0) AS value_micros, toInt64(0) AS reversed_micros, toInt64(0) AS lapsed_micros,
    toInt64(0) AS clawback_micros, CAST(NULL, 'Nullable(String)') AS currency,
    CAST(NULL, 'Nullable(String)') AS beneficiary, v.country AS country,
    '' AS person_id, false AS has_bought, false AS is_first, toInt64(0) AS amount_micros,
    toInt64(0) AS refunded_micros, false AS to_owner
FROM (
    SELECT
        kind, at, code, campaign_id, category, channel, utm_source, country, visitor_id, false AS signed_up
    FROM v_visits
    WHERE kind != 'click'
    UNION ALL
    SELECT
        c.kind, c.at, c.code, c.campaign_id, c.category, c.channel, c.utm_source, c.country, c.visitor_id,
        arrayExists(
            (code, last_at) -> code = ifNull(c.code, '') AND c.at <= last_at, s.codes, s.signed_up_at
        )
    FROM (SELECT * FROM v_visits WHERE kind = 'click') AS c
    LEFT JOIN v_visitors_signed_up AS s ON c.visitor_id = s.visitor_id
) AS v
