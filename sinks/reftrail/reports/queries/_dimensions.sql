-- What every report counts, one row a thing, with the dimensions that it is counted under. This
-- comes before each report's own query.
--
-- Parameters: by Array(String), since and until DateTime64(3, 'UTC') (until excluded).
--
-- kind            at                   belongs to
-- view, click,    its time             the code, campaign, category and channel that the event
-- form_started                         names; bots are left out
-- signup          its time             the code that its user is attributed to, else to none; once a
--                                      user
-- purchase        its time             the same; once an order of a user
-- attributed      the user's signup    the code that the user is attributed to
-- late_touch      the user's signup    the code of a touch that came too late to change anything
-- reward          the action that it   what its ledger entry names
--                 was decided for
--
-- Of a user's signups, and of purchases of one order, under several event ids the one received first
-- counts. signed_up, of a click: its visitor signed up, not before it, and the user is attributed to
-- the click's code (without a code: to none). Rewards are those that were granted or rejected, worth
-- what the view reward_balances says.
--
-- Where a campaign, category or channel is missing, it is that of the code as it is registered
-- now, else (the category) that of the campaign's newest version.
WITH
decisions AS (
    SELECT * FROM current_attributions
    ORDER BY user_id, received_at, event_id LIMIT 1 BY user_id
),
conversions_once AS (
    SELECT type, user_id, argMin(event_time, tuple(received_at, event_id)) AS event_time
    FROM (SELECT * FROM events FINAL WHERE type IN ('signup', 'purchase'))
    GROUP BY type, user_id, if(type = 'purchase', order_id, NULL)
),
visitors AS (
    SELECT e.visitor_id AS visitor_id, a.code AS code, max(e.event_time) AS signed_up_at
    FROM (SELECT visitor_id, user_id, event_time FROM events FINAL WHERE type = 'signup') AS e
    LEFT JOIN current_attributions AS a ON e.user_id = a.user_id
    WHERE e.visitor_id IS NOT NULL
    GROUP BY visitor_id, code
),
things AS (
    SELECT
        type AS kind, event_time AS at, code, campaign_id, category, channel,
        '' AS basis, toFloat64(0) AS hours,
        CAST(NULL, 'Nullable(String)') AS visitor_id, false AS signed_up,
        false AS is_granted, false AS is_reversed, false AS has_value,
        toInt64(0) AS value_micros, toInt64(0) AS reversed_micros, toInt64(0) AS lapsed_micros,
        toInt64(0) AS clawback_micros,
        '' AS in_currency, CAST(NULL, 'Nullable(String)') AS beneficiary
    FROM events FINAL
    WHERE type IN ('view', 'form_started') AND NOT is_bot
    UNION ALL
    SELECT
        'click', c.event_time, c.code, c.campaign_id, c.category, c.channel,
        '', 0, c.visitor_id, c.event_time <= v.signed_up_at, false, false, false, 0, 0, 0, 0, '', NULL
    FROM (
        SELECT event_time, code, campaign_id, category, channel, visitor_id, ifNull(code, '') AS its_code
        FROM events FINAL
        WHERE type = 'click' AND NOT is_bot
    ) AS c
    LEFT JOIN visitors AS v ON c.visitor_id = v.visitor_id AND c.its_code = v.code
    UNION ALL
    SELECT
        e.type, e.event_time, nullIf(d.code, ''), d.campaign_id, d.category, d.channel,
        d.basis, 0, NULL, false, false, false, false, 0, 0, 0, 0, '', NULL
    FROM conversions_once AS e
    LEFT JOIN decisions AS d ON e.user_id = d.user_id
    UNION ALL
    SELECT
        'attributed', event_time, code, campaign_id, category, channel,
        basis, dateDiff('millisecond', touch_time, event_time) / 3600000,
        NULL, false, false, false, false, 0, 0, 0, 0, '', NULL
    FROM decisions
    UNION ALL
    SELECT
        'late_touch', event_time, code, campaign_id, category, channel,
        '', 0, NULL, false, false, false, false, 0, 0, 0, 0, '', NULL
    FROM attributions FINAL
    WHERE NOT decisive
    UNION ALL
    SELECT
        'reward', at, code, campaign_id, category, channel,
        '', 0, NULL, false, is_granted, status = 'reversed', status IN ('granted', 'fulfilled'),
        balance_micros, reversed_micros, lapsed_micros, clawback_micros, nullIf(currency, 'XXX'),
        beneficiary
    FROM reward_balances
    WHERE is_granted OR status = 'rejected'
),
registered AS (
    SELECT code, campaign_id, category, channel FROM codes FINAL
),
newest AS (
    SELECT campaign_id, argMax(tuple(category), version).1 AS category
    FROM campaigns FINAL
    GROUP BY campaign_id
),
placed AS (
    SELECT
        t.*,
        coalesce(nullIf(t.campaign_id, ''), nullIf(r.campaign_id, '')) AS its_campaign,
        coalesce(nullIf(t.category, ''), nullIf(r.category, '')) AS its_category,
        coalesce(nullIf(t.channel, ''), nullIf(r.channel, '')) AS its_channel
    FROM things AS t
    LEFT JOIN registered AS r ON t.code = r.code
    WHERE t.at >= {since:DateTime64(3, 'UTC')} AND t.at < {until:DateTime64(3, 'UTC')}
),
counted AS (
    SELECT
        p.*,
        if(has({by:Array(String)}, 'campaign'), p.its_campaign, NULL) AS by_campaign,
        if(has({by:Array(String)}, 'category'), coalesce(p.its_category, nullIf(n.category, '')), NULL)
            AS by_category,
        if(has({by:Array(String)}, 'channel'), p.its_channel, NULL) AS by_channel,
        if(has({by:Array(String)}, 'code'), nullIf(p.code, ''), NULL) AS by_code,
        if(has({by:Array(String)}, 'day'), toString(toDate(p.at)), NULL) AS by_day
    FROM placed AS p
    LEFT JOIN newest AS n ON p.its_campaign = n.campaign_id
)
