-- The part of v_activity that is about decisions: attributions, touches that came too late, rewards, and
-- adjustments by hand.
-- The columns are those of v_activity, which says what they mean.
WITH
facts AS (
    SELECT
        'attributed' AS kind, r.event_time AS at, r.code AS code, r.campaign_id AS campaign_id,
        r.category AS category, r.channel AS channel, r.utm_source AS utm_source, r.person_id AS person_id, r.basis AS basis,
        '' AS status, dateDiff('millisecond', r.touch_time, r.event_time) / 3600000 AS hours,
        false AS is_granted, false AS is_reversed, false AS has_value, toInt64(0) AS value_micros,
        toInt64(0) AS reversed_micros, toInt64(0) AS lapsed_micros, toInt64(0) AS clawback_micros,
        '' AS currency, CAST(NULL, 'Nullable(String)') AS beneficiary
    FROM v_referred_users AS r
    UNION ALL
    SELECT
        if(a.basis = 'merged', 'merged', 'late_touch'),
        a.event_time, a.code, a.campaign_id, a.category, a.channel, a.utm_source,
        if(p.person_id = '', a.user_id, p.person_id), '', '', 0,
        false, false, false, 0, 0, 0, 0, '', NULL
    FROM (SELECT * FROM attributions FINAL WHERE NOT decisive) AS a
    LEFT JOIN v_people AS p ON a.user_id = p.user_id
    UNION ALL
    SELECT
        if(r.is_adjustment, 'adjustment', 'reward'),
        r.at, r.code, r.campaign_id, r.category, r.channel, r.utm_source,
        if(q.person_id = '', r.user_id, q.person_id), '', r.status, 0,
        r.is_granted, r.status = 'reversed', NOT r.is_adjustment AND r.status IN ('granted', 'fulfilled'),
        r.balance_micros, r.reversed_micros, r.lapsed_micros, r.clawback_micros, r.money,
        if(p.person_id = '', r.beneficiary, p.person_id)
    FROM (
        SELECT
            * EXCEPT (is_granted), startsWith(action, 'adjustment:') AS is_adjustment,
            reward_balances.is_granted AND NOT is_adjustment AS is_granted,
            ifNull(nullIf(currency, 'XXX'), '') AS money
        FROM v_reward_balances AS reward_balances
    ) AS r
    LEFT JOIN v_people AS q ON r.user_id = q.user_id
    LEFT JOIN v_people AS p ON ifNull(r.beneficiary, '') = p.user_id
    WHERE r.is_adjustment AND r.status IN ('adjusted', 'fulfilled')
        OR NOT r.is_adjustment AND (r.is_granted OR r.status IN ('held', 'rejected'))
),
/* placed */
SELECT
    p.kind AS kind, p.at AS at, p.its_code AS code, p.its_campaign AS campaign_id,
    coalesce(p.its_category, nullIf(n.category, '')) AS category, p.its_channel AS channel,
    p.its_source AS utm_source,
    p.basis AS basis, p.status AS status, p.hours AS hours,
    CAST(NULL, 'Nullable(String)') AS visitor_id, false AS signed_up, p.is_granted AS is_granted,
    p.is_reversed AS is_reversed, p.has_value AS has_value, p.value_micros AS value_micros,
    p.reversed_micros AS reversed_micros, p.lapsed_micros AS lapsed_micros,
    p.clawback_micros AS clawback_micros, nullIf(p.currency, '') AS currency,
    p.beneficiary AS beneficiary, nullIf(h.country, '') AS country, p.person_id AS person_id,
    false AS has_bought, false AS is_first, toInt64(0) AS amount_micros,
    toInt64(0) AS refunded_micros,
    w.owner != '' AND ifNull(p.beneficiary = w.owner, false) AS to_owner
FROM placed AS p
LEFT JOIN (SELECT campaign_id, category FROM v_campaigns) AS n ON p.its_campaign = n.campaign_id
LEFT JOIN (SELECT person_id, country FROM v_signups_and_orders WHERE type = 'signup') AS h
    ON p.person_id = h.person_id
LEFT JOIN v_code_owners AS w ON p.its_code = w.code
