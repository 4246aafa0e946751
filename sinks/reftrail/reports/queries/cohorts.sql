-- Who buys how long after the signup, referred people against others, by week of signup; a row for each currency.
--
-- facts: v_activity_conversions
-- usual: none
-- compare: no
-- dimensions: campaign, category, channel, source, code, country
-- cohort: key. The week (in the time zone) of the signup, by its Monday; the period narrows the signups.
-- referral (refer- ral): key. Referred, or not referred.
-- week: key. Whole weeks from each person's signup to the order, 0 to 12; those that had begun by the last signup or order known.
-- currency (cur- rency): key. The currency of the revenue; null if nobody of the cohort has bought.
-- people: count. People of the cohort; the same in the row of each week and currency.
-- buyers: count. Of these, who placed an order in this week after their signup; the same in the row of each currency.
-- retention (reten- tion): rate. Buyers divided by people.
-- revenue: money. What they paid for these orders in this currency, less what was paid back to them by now.
-- revenue_per_person (revenue per per- son): money. Revenue divided by people, rounded to a hundredth, half to even.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    cohort, referral, toString(cell.1) AS week, nullIf(cell.2, '') AS currency,
    people,
    buyers_by[cell.1] AS buyers,
    buyers / people AS retention,
    revenue_by[concat(week, ' ', cell.2)] AS revenue,
    toInt64(round(revenue / people / 10000)) * 10000 AS revenue_per_person
FROM (
    SELECT
        by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
        cohort, referral,
        uniqExactMerge(people_in) AS people,
        sumMapIf(map(nth, toInt64(buyers_in)), is_order) AS buyers_by,
        sumMapIf(kept_by, is_order) AS revenue_by,
        arrayDistinct(arrayFlatten(groupArrayIf(money_in, is_order))) AS met,
        if(empty(met), [''], met) AS currencies,
        (SELECT toDate(max(event_time), {time_zone:String}) FROM v_signups_and_orders) AS last_day,
        toUInt64(least(13, 1 + intDiv(dateDiff('day', toDate(cohort), last_day), 7))) AS known,
        arrayFlatten(arrayMap(week -> arrayMap(money -> (week, money), currencies), range(known)))
            AS cells
    FROM (
        SELECT
            by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
            cohort, referral, is_order, nth,
            uniqExactMergeState(people_here) AS people_in,
            uniqExactMerge(people_here) AS buyers_in,
            groupArray(money) AS money_in,
            mapFromArrays(
                arrayMap(name -> concat(toString(nth), ' ', name), money_in), groupArray(kept_here)
            ) AS kept_by
        FROM (
            -- Added up by week and currency first: maps of each person would take twice as long.
            SELECT
                by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
                cohort, referral, is_order, if(is_order, its_week, 0) AS nth,
                if(is_order, its_currency, '') AS money,
                uniqExactState(person_id) AS people_here, sum(kept_micros) AS kept_here
            FROM (
                SELECT
                    c.by_campaign AS by_campaign, c.by_category AS by_category,
                    c.by_channel AS by_channel, c.by_source AS by_source,
                    c.by_code AS by_code, c.by_country AS by_country,
                    c.by_period AS by_period, c.person_id AS person_id,
                    toString(toMonday(toDate(c.at, {time_zone:String}))) AS cohort,
                    if(c.code IS NULL, 'not referred', 'referred') AS referral,
                    o.currency AS its_currency,
                    o.amount_micros - o.refunded_micros AS kept_micros,
                    toUInt64(greatest(
                        intDiv(dateDiff('millisecond', c.at, o.event_time), 604800000), 0
                    )) AS its_week,
                    o.person_id != '' AND o.event_time >= c.at AND its_week <= 12 AS is_order
                FROM (SELECT * FROM counted WHERE kind = 'signup') AS c
                LEFT JOIN v_orders AS o ON c.person_id = o.person_id
            )
            GROUP BY
                by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
                cohort, referral, is_order, nth, money
        )
        GROUP BY
            by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
            cohort, referral, is_order, nth
    )
    GROUP BY
        by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, cohort, referral
)
ARRAY JOIN cells AS cell
ORDER BY
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    cohort, referral DESC, cell.1, currency
