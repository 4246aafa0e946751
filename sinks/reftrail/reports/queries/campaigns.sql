-- What referral has brought, and what it has cost, one row for each currency.
--
-- facts: v_activity_conversions, v_activity_decisions
-- sums: activity
-- visitors: clicked
-- shared: referred_signups, customers
-- divided: cost_per_acquisition by customers
-- currency (cur- rency): key. The currency of the money in the row; null where there is none.
-- referred_signups (refer- red signups): count. Referred people who signed up; the same in the row of each currency.
-- customers (custo- mers): count. Referred people whose first order of all was placed; the same in the row of each currency.
-- orders: count. Orders of referred people in this currency.
-- revenue: money. What referred people paid for these orders, less what was paid back to them by now.
-- rewards_granted (rewards granted): count. Rewards in this currency that were granted to either side, reversed ones included.
-- reward_cost: money. What these rewards are worth now, and adjustments by hand.
-- roi: rate. Revenue less reward_cost, divided by reward_cost; null without cost.
-- cost_per_acquisition (cost per acqui- sition): money. Reward_cost divided by customers, rounded to a hundredth, half to even; null without customers.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    nullIf(its_currency, '') AS currency,
    referred_signups,
    customers,
    orders_by[its_currency] AS orders,
    revenue_by[its_currency] AS revenue,
    grants_by[its_currency] AS rewards_granted,
    value_by[its_currency] AS reward_cost,
    if(reward_cost = 0, NULL, (revenue - reward_cost) / reward_cost) AS roi,
    if(customers = 0, NULL, toInt64(round(reward_cost / customers / 10000)) * 10000)
        AS cost_per_acquisition
FROM (
    SELECT
        by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
        sum(signups_in) AS referred_signups,
        sum(customers_in) AS customers,
        /* by currency */
    FROM (
        SELECT
            by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
            ifNull(in_currency, '') AS paid_in,
            count_of(kind = 'signup') AS signups_in,
            count_of(kind = 'purchase' AND is_first) AS customers_in,
            toInt64(count_of(kind = 'purchase')) AS orders_in,
            sumIf(counted.amount_micros - refunded_micros, kind = 'purchase') AS revenue_in,
            toInt64(count_of(is_granted)) AS grants_in,
            count_of(is_granted OR kind = 'adjustment') AS values_in,
            sumIf(value_micros, is_granted OR kind = 'adjustment') AS value_in
        FROM counted
        WHERE code IS NOT NULL AND (kind IN ('signup', 'purchase', 'adjustment') OR is_granted)
        GROUP BY
            by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, paid_in
    )
    GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
)
ARRAY JOIN currencies AS its_currency
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, currency
