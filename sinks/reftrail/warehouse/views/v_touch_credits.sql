-- Touches before each signup, one row each, with the part of the signup that four models give to it.
--
-- The touches of a signup are its visitor's clicks with a code, bots left out, that are not after the
-- signup and within the attribution window of the code's campaign (the newest version's; 30 days where it
-- isn't known); of equal times the one with the lower id is first. at is the time of the signup, the
-- dimensions are the click's, and where these are missing the code's, then (the category) the campaign's;
-- country is that of the signup. is_decided: the person is attributed to this code.
--
-- first_part: all to the first. last_part: all to the last. linear_part: the same to each.
-- position_part: 0.4 to the first and the last, 0.2 to those between by equal parts; half each of two,
-- all to a single one.
SELECT
    t.at AS at, t.person_id AS person_id, t.code AS code, t.campaign_id AS campaign_id,
    t.category AS category, t.channel AS channel, t.utm_source AS utm_source, t.country AS country,
    CAST(NULL, 'Nullable(String)') AS currency,
    t.nth AS nth, t.touches AS touches, d.code = t.code AS is_decided,
    t.nth = 1 AS first_part, t.nth = t.touches AS last_part, 1 / t.touches AS linear_part,
    multiIf(
        t.touches = 1, 1.,
        t.touches = 2, 0.5,
        t.nth IN (1, t.touches), 0.4,
        0.2 / (t.touches - 2)
    ) AS position_part
FROM (
    SELECT
        s.event_time AS at, s.person_id AS person_id, c.code AS code, c.campaign_id AS campaign_id,
        c.category AS category, c.channel AS channel, c.utm_source AS utm_source,
        s.country AS country,
        toInt64(row_number() OVER (
            PARTITION BY s.person_id ORDER BY c.event_time, c.event_id
        )) AS nth,
        toInt64(count() OVER (PARTITION BY s.person_id)) AS touches
    FROM (
        SELECT person_id, event_time, visitor_id, country FROM v_signups_and_orders
        WHERE type = 'signup' AND visitor_id IS NOT NULL
    ) AS s
    INNER JOIN (
        SELECT
            e.visitor_id AS visitor_id, e.event_id AS event_id, e.event_time AS event_time,
            e.code AS code, e.its_campaign AS campaign_id,
            coalesce(e.its_category, nullIf(n.category, '')) AS category, e.its_channel AS channel,
            e.utm_source AS utm_source,
            if(n.campaign_id = '', 2592000000, n.attribution_window_ms) AS window_ms
        FROM (
            SELECT
                k.visitor_id AS visitor_id, k.event_id AS event_id, k.event_time AS event_time,
                assumeNotNull(k.code) AS code,
                coalesce(nullIf(k.campaign_id, ''), nullIf(r.campaign_id, '')) AS its_campaign,
                coalesce(nullIf(k.category, ''), nullIf(r.category, '')) AS its_category,
                coalesce(nullIf(k.channel, ''), nullIf(r.channel, '')) AS its_channel,
                nullIf(k.utm_source, '') AS utm_source
            FROM (
                SELECT
                    visitor_id, event_id, event_time, code, campaign_id, category, channel,
                    utm_source
                FROM v_events
                WHERE type = 'click' AND NOT is_bot AND code IS NOT NULL
            ) AS k
            LEFT JOIN (SELECT code, campaign_id, category, channel FROM v_codes) AS r
                ON k.code = r.code
        ) AS e
        LEFT JOIN (SELECT campaign_id, category, attribution_window_ms FROM v_campaigns) AS n
            ON e.its_campaign = n.campaign_id
    ) AS c ON s.visitor_id = c.visitor_id
    WHERE c.event_time <= s.event_time
        AND dateDiff('millisecond', c.event_time, s.event_time) <= c.window_ms
) AS t
LEFT JOIN v_referred_users AS d ON t.person_id = d.person_id
