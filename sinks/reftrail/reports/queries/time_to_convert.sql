-- How long it takes from the touch that counts to the signup; by the time of the signup.
--
-- facts: v_activity_decisions
-- conversions (conver- sions): count. Referred people who signed up after a touch; those who typed a code in are left out.
-- within_minute (in a minute): count. Of these, within a minute of the touch.
-- within_hour (in an hour): count. Of these, later, and within an hour.
-- within_day (in a day): count. Of these, later, and within 24 hours.
-- within_week (in a week): count. Of these, later, and within 7 days.
-- within_month (in 30 days): count. Of these, later, and within 30 days.
-- beyond_month (after 30 days): count. Of these, after more than 30 days.
-- p10_hours: number. Hours within which a tenth of them signed up, fastest first; null without conversions, as all below.
-- median_hours: number. Hours within which half of them signed up.
-- p75_hours: number. Hours within which three quarters of them signed up.
-- p90_hours: number. Hours within which nine tenths of them signed up.
-- p99_hours: number. Hours within which 99 of 100 signed up.
-- mean_hours: number. The arithmetic mean of the hours.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    count() AS conversions,
    countIf(hours <= 1 / 60) AS within_minute,
    countIf(hours > 1 / 60 AND hours <= 1) AS within_hour,
    countIf(hours > 1 AND hours <= 24) AS within_day,
    countIf(hours > 24 AND hours <= 168) AS within_week,
    countIf(hours > 168 AND hours <= 720) AS within_month,
    countIf(hours > 720) AS beyond_month,
    quantileExactInclusive(0.1)(hours) AS p10_hours,
    quantileExactInclusive(0.5)(hours) AS median_hours,
    quantileExactInclusive(0.75)(hours) AS p75_hours,
    quantileExactInclusive(0.9)(hours) AS p90_hours,
    quantileExactInclusive(0.99)(hours) AS p99_hours,
    avg(hours) AS mean_hours
FROM counted
WHERE kind = 'attributed' AND basis != 'typed_code'
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
