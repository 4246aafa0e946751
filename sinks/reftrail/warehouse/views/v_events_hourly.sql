-- Numbers of events by UTC hour, campaign, code, category, channel, source, country, type and is_bot, as
-- the events name them. ClickHouse reads them from the rollup `hourly`, and adds them up over hours.
SELECT
    campaign_id, toStartOfHour(event_time) AS hour, code, category, channel, utm_source, country, type,
    is_bot, count() AS events
FROM events
GROUP BY campaign_id, hour, code, category, channel, utm_source, country, type, is_bot
