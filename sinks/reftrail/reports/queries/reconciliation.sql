-- Whether what must agree between log, ledger and partners does, a row for each check.
--
-- facts: v_reconciliation
-- sums: reconciliation
-- usual: none
-- dimensions: hour, day, week, month
-- check: key. What is compared: events_stored, grants_ordered, orders_granted, deliveries_entered or entries_delivered.
-- expected: count. How many there are by the one side.
-- found: count. How many of them the other side has.
-- missing: count. Expected that weren't found; what is still under way is among them.
-- surplus: count. Found beyond what was expected.
-- agreement (agree- ment): rate. 1 less missing and surplus, divided by expected; null if nothing is expected.
-- alarm: text. Yes where the agreement is below 99.9 %.
-- breaks: text. The first 5 loads, entries, orders or rewards of the row that disagree, by time.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    counted.check AS check,
    sum(counted.expected) AS expected,
    sum(least(counted.expected, counted.found)) AS found,
    sum(greatest(counted.expected - counted.found, 0)) AS missing,
    sum(greatest(counted.found - counted.expected, 0)) AS surplus,
    if(expected = 0, NULL, 1 - (missing + surplus) / expected) AS agreement,
    if(expected + surplus > 0 AND ifNull(agreement < 0.999, true), 'yes', NULL) AS alarm,
    nullIf(arrayStringConcat(
        arrayMap(one -> one.2, arraySlice(arraySort(groupArrayIf(
            tuple(at, id), counted.expected != counted.found
        )), 1, 5)),
        ', '
    ), '') AS breaks
FROM counted
GROUP BY
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, counted.check
ORDER BY by_period, check
