-- Signups, one row a person, and what each person ordered after it, one row for each week and currency.
--
-- is_order: the row is about orders. Of these, week is the number of whole weeks from the signup, 0 to 12;
-- kept_micros what was paid for them in the currency, less what was paid back by now; one of the rows of a
-- person's week is_first, so that people are counted once. at and the dimensions are those of the signup.
--
-- v_activity_conversions is named once: ClickHouse takes about 0.1 s to plan each mention of it.
SELECT
    at, code, campaign_id, category, channel, utm_source, country, person_id,
    cell.1 AS is_order, cell.2 AS week, cell.3 AS currency, cell.4 AS is_first, cell.5 AS kept_micros
FROM (
    SELECT
        s.at AS at, s.code AS code, s.campaign_id AS campaign_id, s.category AS category,
        s.channel AS channel, s.utm_source AS utm_source, s.country AS country,
        s.person_id AS person_id,
        arrayMap(
            ordered -> tuple(
                tuple(
                    toUInt64(intDiv(dateDiff('millisecond', s.at, ordered.1), 604800000)), ordered.2
                ),
                ordered.3
            ),
            arrayFilter(
                ordered -> ordered.1 >= s.at
                    AND dateDiff('millisecond', s.at, ordered.1) < 7862400000,
                o.orders
            )
        ) AS kept,
        -- Weeks with their currencies: few, however many orders there are.
        arraySort(arrayDistinct(kept.1)) AS found
    FROM (SELECT * FROM v_activity_conversions WHERE kind = 'signup') AS s
    LEFT JOIN (
        SELECT
            person_id AS its_person,
            groupArray(tuple(event_time, currency, amount_micros - refunded_micros)) AS orders
        FROM v_orders
        GROUP BY its_person
    ) AS o ON s.person_id = o.its_person
)
ARRAY JOIN arrayPushFront(
    arrayMap(
        (its, nth) -> tuple(
            true, its.1, toNullable(its.2), toBool(nth = 1 OR found[nth - 1].1 != its.1),
            arraySum(arrayMap((of, micros) -> if(of = its, micros, 0), kept.1, kept.2))
        ),
        found, arrayEnumerate(found)
    ),
    tuple(false, toUInt64(0), CAST(NULL, 'Nullable(String)'), false, toInt64(0))
) AS cell
