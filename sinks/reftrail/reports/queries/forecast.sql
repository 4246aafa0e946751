-- Signups and reward cost of the next weeks, forecast from the whole weeks before; a row for each week and currency.
--
-- facts: v_activity_conversions, v_activity_decisions
-- usual: none
-- compare: no
-- dimensions: campaign, category, channel, source, code, country
-- forecast: yes
-- currency (cur- rency): key. The currency of the cost; null where nothing was spent.
-- week: key. The week (in the time zone), by its Monday. History has whole weeks, from the first with a figure on.
-- part: text. History or forecast.
-- signups: count. Users who signed up, as in funnel; in a forecast the expected number. The same in the row of each currency.
-- signups_low (signups at least): count. Lower end of the 95 % prediction interval; of history the figure itself.
-- signups_high (signups at most): count. Its upper end.
-- reward_cost: money. What rewards in this currency are worth now that were granted for the week's actions, and adjustments by hand; in a forecast the expected sum.
-- reward_cost_low (cost at least): money. Lower end of its 95 % prediction interval; of history the figure itself.
-- reward_cost_high (cost at most): money. Its upper end.
-- tests: count. Earlier forecasts of this kind that were compared with what came: one a week and origin. 0 where history is too short.
-- signups_mase: number. Mean error of the tested forecasts of signups, as a multiple of the mean change from week to week before them; below 1 is better than the last week's figure as a guess. Null where nothing changed before them.
-- signups_smape: rate. The same error, relative: mean of twice the error divided by the sum of forecast and figure.
-- signups_coverage (signups cover- age): rate. How many of the tested weeks lay within their interval; 95 % is what the interval promises.
-- cost_mase: number. The same for reward_cost.
-- cost_smape: rate. The same for reward_cost.
-- cost_coverage (cost cover- age): rate. The same for reward_cost.
-- note: text. Why there is no forecast, where there is none.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    nullIf(its_currency, '') AS currency,
    week,
    'history' AS part,
    signups,
    signups AS signups_low,
    signups AS signups_high,
    cost_by[its_currency] AS reward_cost,
    reward_cost AS reward_cost_low,
    reward_cost AS reward_cost_high,
    toUInt64(0) AS tests,
    CAST(NULL, 'Nullable(Float64)') AS signups_mase,
    CAST(NULL, 'Nullable(Float64)') AS signups_smape,
    CAST(NULL, 'Nullable(Float64)') AS signups_coverage,
    CAST(NULL, 'Nullable(Float64)') AS cost_mase,
    CAST(NULL, 'Nullable(Float64)') AS cost_smape,
    CAST(NULL, 'Nullable(Float64)') AS cost_coverage,
    CAST(NULL, 'Nullable(String)') AS note
FROM (
    SELECT
        by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
        toString(toMonday(toDate(at, {time_zone:String}))) AS week,
        countIf(kind = 'signup') AS signups,
        sumMapIf(map(ifNull(in_currency, ''), value_micros), kind != 'signup') AS cost_by,
        if(empty(cost_by), [''], mapKeys(cost_by)) AS currencies
    FROM counted
    WHERE kind IN ('signup', 'adjustment') OR is_granted
    GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, week
)
ARRAY JOIN currencies AS its_currency
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, currency, week
