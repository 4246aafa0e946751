-- What a report counts: rows of a view of facts in the period, each with the dimensions that it was
-- asked by. This comes before each report's own query; the views, v_activity unless a report names
-- others, and the conditions of filters are put in by the catalogue.
--
-- by_period is the first day (in the time zone) of the day, week (from Monday) or month; of an hour,
-- the second of its beginning since 1970, which tells the two apart where clocks are set back.
--
-- Parameters: by Array(String), time_zone String, since and until DateTime64(3, 'UTC') (until
-- excluded), and an Array(String) for each filter.
WITH
counted AS (
    SELECT
        a.* EXCEPT (currency), a.currency AS in_currency,
        if(has({by:Array(String)}, 'campaign'), a.campaign_id, NULL) AS by_campaign,
        if(has({by:Array(String)}, 'category'), a.category, NULL) AS by_category,
        if(has({by:Array(String)}, 'channel'), a.channel, NULL) AS by_channel,
        if(has({by:Array(String)}, 'source'), a.utm_source, NULL) AS by_source,
        if(has({by:Array(String)}, 'code'), a.code, NULL) AS by_code,
        if(has({by:Array(String)}, 'country'), a.country, NULL) AS by_country,
        multiIf(
            has({by:Array(String)}, 'hour'),
            toString(
                intDiv(toUnixTimestamp64Milli(a.at), 1000) - toMinute(a.at, {time_zone:String}) * 60
                - toSecond(a.at, {time_zone:String})
            ),
            has({by:Array(String)}, 'day'), toString(toDate(a.at, {time_zone:String})),
            has({by:Array(String)}, 'week'), toString(toMonday(toDate(a.at, {time_zone:String}))),
            has({by:Array(String)}, 'month'),
            toString(toStartOfMonth(toDate(a.at, {time_zone:String}))),
            NULL
        ) AS by_period
    FROM /* facts */ AS a
    WHERE a.at >= {since:DateTime64(3, 'UTC')} AND a.at < {until:DateTime64(3, 'UTC')} /* filters */
)
