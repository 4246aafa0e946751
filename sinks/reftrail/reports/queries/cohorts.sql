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
        count() AS people,
        sumMap(mapFromArrays(weeks, arrayMap(week -> toInt64(1), weeks))) AS buyers_by,
        sumMap(kept_by) AS revenue_by,
        arrayDistinct(arrayMap(
            name -> substring(name, position(name, ' ') + 1), mapKeys(sumMap(orders_by))
        )) AS met,
        if(empty(met), [''], met) AS currencies,
        toUInt64(least(13, 1 + intDiv(dateDiff('day', toDate(cohort), any(last_day)), 7))) AS known,
        arrayFlatten(arrayMap(week -> arrayMap(money -> (week, money), currencies), range(known)))
            AS cells
    FROM (
        SELECT
            by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, person_id,
            toString(toMonday(toDate(any(signed_up_at), {time_zone:String}))) AS cohort,
            if(any(its_code) IS NULL, 'not referred', 'referred') AS referral,
            groupUniqArrayIf(nth, is_order) AS weeks,
            sumMapIf(map(concat(toString(nth), ' ', money), kept_micros), is_order) AS kept_by,
            sumMapIf(map(concat(toString(nth), ' ', money), toInt64(1)), is_order) AS orders_by,
            (SELECT toDate(max(event_time), {time_zone:String}) FROM v_signups_and_orders)
                AS last_day
        FROM (
            SELECT
                c.by_campaign AS by_campaign, c.by_category AS by_category,
                c.by_channel AS by_channel, c.by_source AS by_source,
                c.by_code AS by_code, c.by_country AS by_country,
                c.by_period AS by_period, c.person_id AS person_id, c.at AS signed_up_at,
                c.code AS its_code, o.currency AS money,
                o.amount_micros - o.refunded_micros AS kept_micros,
                toUInt64(greatest(intDiv(dateDiff('millisecond', c.at, o.event_time), 604800000), 0))
                    AS nth,
                o.person_id != '' AND o.event_time >= c.at AND nth <= 12 AS is_order
            FROM (SELECT * FROM counted WHERE kind = 'signup') AS c
            LEFT JOIN v_orders AS o ON c.person_id = o.person_id
        )
        GROUP BY
            by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, person_id
    )
    GROUP BY
        by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, cohort, referral
)
ARRAY JOIN cells AS cell
ORDER BY
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    cohort, referral DESC, cell.1, currency
