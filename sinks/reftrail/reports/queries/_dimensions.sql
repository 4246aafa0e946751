-- What every report counts, one row a thing, with the dimensions that it is counted under. This
-- stands in front of each report's own query.
--
-- Parameters: by Array(String), since and until DateTime64(3, 'UTC') (until excluded).
--
-- kind            at                   belongs to
-- view, click,    its time             the code, campaign, category and channel that the event
-- form_started                         names; bots are left out
-- signup,         its time             the code that its user is attributed to, else to none
-- purchase
-- attributed      the user's signup    the code that the user is attributed to
-- late_touch      the user's signup    the code of a touch that came too late to change anything
-- reward          the action that it   what its ledger entry names
--                 was decided for
--
-- Where a campaign, category or channel is missing, it is that of the code as it is registered
-- now, else (the category) that of the campaign's newest version.
WITH
decisions AS (
    SELECT * FROM attributions FINAL
    WHERE decisive
        AND event_id NOT IN (SELECT assumeNotNull(corrects) FROM attributions WHERE corrects IS NOT NULL)
    ORDER BY user_id, received_at, event_id LIMIT 1 BY user_id
),
entries AS (
    SELECT
        reward_id,
        countIf(status = 'granted') > 0 AS is_granted,
        countIf(status = 'reversed') > 0 AS is_reversed,
        argMax(
            tuple(event_time, code, campaign_id, category, channel, value_micros, currency, beneficiary),
            tuple(status = 'granted', received_at, event_id)
        ) AS decided
    FROM rewards FINAL
    WHERE status IN ('granted', 'rejected', 'reversed')
    GROUP BY reward_id
),
things AS (
    SELECT
        type AS kind, event_time AS at, code, campaign_id, category, channel,
        '' AS basis, toFloat64(0) AS hours,
        false AS is_granted, false AS is_reversed, toInt64(0) AS value_micros, '' AS in_currency,
        CAST(NULL, 'Nullable(String)') AS beneficiary
    FROM events FINAL
    WHERE type IN ('view', 'click', 'form_started') AND NOT is_bot
    UNION ALL
    SELECT
        e.type, e.event_time, nullIf(d.code, ''), d.campaign_id, d.category, d.channel,
        '', 0, false, false, 0, '', NULL
    FROM (SELECT type, event_time, user_id FROM events FINAL WHERE type IN ('signup', 'purchase')) AS e
    LEFT JOIN decisions AS d ON e.user_id = d.user_id
    UNION ALL
    SELECT
        'attributed', event_time, code, campaign_id, category, channel,
        basis, dateDiff('millisecond', touch_time, event_time) / 3600000, false, false, 0, '', NULL
    FROM decisions
    UNION ALL
    SELECT
        'late_touch', event_time, code, campaign_id, category, channel,
        '', 0, false, false, 0, '', NULL
    FROM attributions FINAL
    WHERE NOT decisive
    UNION ALL
    SELECT
        'reward', decided.1, decided.2, decided.3, decided.4, decided.5,
        '', 0, is_granted, is_reversed, decided.6, nullIf(decided.7, 'XXX'), decided.8
    FROM entries
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
