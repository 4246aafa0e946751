-- Signups, one row a person, and what each person ordered after it, one row for each week and currency.
--
-- is_order: the row is about orders. Of these, week is the number of whole weeks from the signup, 0 to 12;
-- kept_micros what was paid for them in the currency, less what was paid back by now; one of the rows of a
-- person's week is_first, so that people are counted once. at and the dimensions are those of the signup.
WITH
signups AS (
    SELECT at, code, campaign_id, category, channel, utm_source, country, person_id
    FROM v_activity_conversions
    WHERE kind = 'signup'
)
SELECT
    at, code, campaign_id, category, channel, utm_source, country, person_id,
    false AS is_order, toUInt64(0) AS week, CAST(NULL, 'Nullable(String)') AS currency,
    false AS is_first, toInt64(0) AS kept_micros
FROM signups
UNION ALL
SELECT
    s.at, s.code, s.campaign_id, s.category, s.channel, s.utm_source, s.country, s.person_id,
    true, w.nth, w.its_currency, w.place = 1, w.kept
FROM signups AS s
INNER JOIN (
    SELECT
        its_person, nth, its_currency, kept,
        row_number() OVER (PARTITION BY its_person, nth ORDER BY its_currency) AS place
    FROM (
        SELECT
            o.person_id AS its_person,
            toUInt64(intDiv(dateDiff('millisecond', s.at, o.event_time), 604800000)) AS nth,
            o.currency AS its_currency, sum(o.amount_micros - o.refunded_micros) AS kept
        FROM v_orders AS o
        INNER JOIN signups AS s ON o.person_id = s.person_id
        WHERE o.event_time >= s.at AND dateDiff('millisecond', s.at, o.event_time) < 7862400000
        GROUP BY its_person, nth, its_currency
    )
) AS w ON s.person_id = w.its_person
