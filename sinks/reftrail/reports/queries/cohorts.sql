-- Who buys how long after the signup, referred people against others, by week of signup; a row for each currency.
--
-- facts: v_weeks_after_signup
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
        toString(monday) AS cohort, if(is_referred, 'referred', 'not referred') AS referral,
        sumIf(rows_in, NOT is_order) AS people,
        sumMapIf(map(nth, buyers_in), is_order) AS buyers_by,
        sumMapIf(map(concat(toString(nth), ' ', paid_in), kept_in), is_order) AS revenue_by,
        groupUniqArrayIf(paid_in, is_order) AS met,
        if(empty(met), [''], met) AS currencies,
        (SELECT toDate(max(event_time), {time_zone:String}) FROM v_signups_and_orders) AS last_day,
        toUInt64(least(13, 1 + intDiv(dateDiff('day', monday, last_day), 7))) AS known,
        arrayFlatten(arrayMap(week -> arrayMap(money -> (week, money), currencies), range(known)))
            AS cells
    FROM (
        -- Added up by week and currency first: a map of each row would take longer than the rest.
        SELECT
            by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
            toMonday(toDate(at, {time_zone:String})) AS monday, code IS NOT NULL AS is_referred,
            is_order, counted.week AS nth, ifNull(in_currency, '') AS paid_in,
            count() AS rows_in, toInt64(countIf(is_first)) AS buyers_in,
            sum(kept_micros) AS kept_in
        FROM counted
        GROUP BY
            by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
            monday, is_referred, is_order, nth, paid_in
    )
    GROUP BY
        by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, monday,
        is_referred
)
ARRAY JOIN cells AS cell
ORDER BY
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    cohort, referral DESC, cell.1, currency
