-- The part of v_activity that is about what people did: signups and purchases.
-- The columns are those of v_activity, which says what they mean.
WITH
facts AS (
    SELECT
        e.type AS kind, e.event_time AS at, nullIf(d.code, '') AS code, d.campaign_id AS campaign_id,
        d.category AS category, d.channel AS channel, d.utm_source AS utm_source, e.country AS country,
        e.person_id AS person_id, d.basis AS basis, e.has_bought AS has_bought,
        e.is_first AS is_first, e.refunded_micros AS refunded_micros,
        e.amount_micros AS amount_micros, e.currency AS currency
    FROM (
        SELECT
            o.* EXCEPT (has_bought),
            max(o.has_bought) OVER (PARTITION BY o.person_id) AS has_bought
        FROM (
            SELECT
                type, event_time, person_id, country, false AS has_bought, false AS is_first,
                toInt64(0) AS refunded_micros, toInt64(0) AS amount_micros, '' AS currency
            FROM v_signups_and_orders
            WHERE type = 'signup'
            UNION ALL
            SELECT
                'purchase', event_time, person_id, country, true, is_first, refunded_micros,
                amount_micros, currency
            FROM v_orders
        ) AS o
    ) AS e
    LEFT JOIN v_referred_users AS d ON e.person_id = d.person_id
),
/* placed */
SELECT
    p.kind AS kind, p.at AS at, p.its_code AS code, p.its_campaign AS campaign_id,
    coalesce(p.its_category, nullIf(n.category, '')) AS category, p.its_channel AS channel,
    p.its_source AS utm_source,
    p.basis AS basis, '' AS status, toFloat64(0) AS hours,
    CAST(NULL, 'Nullable(String)') AS visitor_id, false AS signed_up, false AS is_granted,
    false AS is_reversed, false AS has_value, toInt64(0) AS value_micros,
    toInt64(0) AS reversed_micros, toInt64(0) AS lapsed_micros, toInt64(0) AS clawback_micros,
    nullIf(p.currency, '') AS currency, CAST(NULL, 'Nullable(String)') AS beneficiary,
    nullIf(p.country, '') AS country, p.person_id AS person_id, p.has_bought AS has_bought,
    p.is_first AS is_first, p.amount_micros AS amount_micros, p.refunded_micros AS refunded_micros,
    false AS to_owner
FROM placed AS p
LEFT JOIN (SELECT campaign_id, category FROM v_campaigns) AS n ON p.its_campaign = n.campaign_id
