-- How good the data is that comes in; by the time of receipt.
--
-- facts: v_receipts
-- sums: receipts
-- usual: all
-- events: count. Events that were stored, each once, bots included.
-- duplicates (dupli- cates): count. Events that came again under an id known already, and were left out.
-- duplicate_share (dup. share): rate. Duplicates, of events and duplicates.
-- dead_letters: count. Messages that were put aside, since they couldn't be read or carried out. They have no dimension but time.
-- late: count. Of events, received more than an hour after they happened, by the sender's corrected clock.
-- late_share: rate. Late, of events.
-- clock_corrected (clock cor- rected): count. Of events, those whose time was corrected, because the sender's clock was off.
-- bots: count. Of events, those of known bots, which no other report counts.
-- unknown_codes: count. Of events, those under a code that nobody has registered.
-- median_lag_seconds (median lag): number. Median of the seconds from when an event happened to its receipt; null without events, as below.
-- p95_lag_seconds (p95 lag): number. Seconds within which 95 of 100 events came in.
-- p99_lag_seconds (p99 lag): number. Seconds within which 99 of 100 events came in.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    count_of(kind = 'event') AS events,
    count_of(kind = 'duplicate') AS duplicates,
    if(events + duplicates = 0, NULL, duplicates / (events + duplicates)) AS duplicate_share,
    count_of(kind = 'dead_letter') AS dead_letters,
    count_of(kind = 'event' AND lag_ms > 3600000) AS late,
    if(events = 0, NULL, late / events) AS late_share,
    count_of(kind = 'event' AND skew_ms != 0) AS clock_corrected,
    count_of(kind = 'event' AND is_bot) AS bots,
    count_of(kind = 'event' AND is_unknown) AS unknown_codes,
    quantiles_of_lags(0.5, 0.95, 0.99)(kind = 'event') AS lag_quantiles,
    if(events = 0, NULL, lag_quantiles[1] / 1000) AS median_lag_seconds,
    if(events = 0, NULL, lag_quantiles[2] / 1000) AS p95_lag_seconds,
    if(events = 0, NULL, lag_quantiles[3] / 1000) AS p99_lag_seconds
FROM counted
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
