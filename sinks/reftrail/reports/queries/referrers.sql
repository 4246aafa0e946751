-- Who refers, and what that brings: the 1,000 with the most referrals, a row for each currency.
--
-- sums: activity
-- reads: code
-- visitors: clicked
-- usual: none
-- most: 1000
-- shared: codes, visitors_clicked, visitors_signed_up, conversion_rate, referrals, customers
-- referrer: key. The person who owns the codes.
-- currency (cur- rency): key. The currency of the money in the row; null where there is none.
-- codes: count. Different codes of theirs under which anything happened.
-- visitors_clicked (visi- tors clicked): count. Different visitors who clicked one of their codes, bots left out.
-- visitors_signed_up (of these signed up): count. Of these, who then signed up under the same code.
-- conversion_rate (conv. rate): rate. Of visitors who clicked, who signed up; null without clicks.
-- referrals: count. People who signed up and are attributed to their codes.
-- customers (custo- mers): count. Referred people whose first order of all was placed.
-- revenue: money. What the people they referred paid for orders in this currency, less what was paid back by now.
-- revenue_share (rev. share): rate. Of the revenue in this currency of all referred people, the part of theirs; null if there is none.
-- rewards_granted (rewards granted): count. Rewards in this currency that were granted to the referrer, reversed ones included.
-- reward_value: money. What these rewards are worth now, and adjustments by hand for the referrer.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    its_referrer AS referrer,
    nullIf(its_currency, '') AS currency,
    codes, visitors_clicked, visitors_signed_up,
    if(visitors_clicked = 0, NULL, visitors_signed_up / visitors_clicked) AS conversion_rate,
    referrals, customers,
    revenue_by[its_currency] AS revenue,
    revenue_of_all_by[its_currency] AS revenue_of_all,
    if(revenue_of_all = 0, NULL, revenue / revenue_of_all) AS revenue_share,
    grants_by[its_currency] AS rewards_granted,
    value_by[its_currency] AS reward_value
FROM (
    SELECT * FROM (
        SELECT
            *,
            sumMap(revenue_by) OVER (
                PARTITION BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
            ) AS revenue_of_all_by
        FROM (
            SELECT
                by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
                o.owner AS its_referrer,
                uniqExact(c.its_code) AS codes,
                visitors_in_sets(clicked_in) AS visitors_clicked,
                visitors_in_sets(signed_up_in) AS visitors_signed_up,
                sum(referrals_in) AS referrals,
                sum(customers_in) AS customers,
                /* by currency */
            FROM (
                -- Added up by code first: to find the owner of each row would take longer.
                SELECT
                    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
                    code AS its_code, ifNull(in_currency, '') AS paid_in,
                    sets_of_visitors(kind = 'click') AS clicked_in,
                    sets_of_visitors(signed_up) AS signed_up_in,
                    count_of(kind = 'signup') AS referrals_in,
                    count_of(kind = 'purchase' AND is_first) AS customers_in,
                    toInt64(count_of(kind = 'purchase')) AS orders_in,
                    sumIf(counted.amount_micros - refunded_micros, kind = 'purchase') AS revenue_in,
                    toInt64(count_of(is_granted AND to_owner)) AS grants_in,
                    count_of((is_granted OR kind = 'adjustment') AND to_owner) AS values_in,
                    sumIf(value_micros, (is_granted OR kind = 'adjustment') AND to_owner) AS value_in
                FROM counted
                WHERE code IS NOT NULL AND (
                    kind IN ('view', 'click', 'form_started', 'signup', 'purchase', 'adjustment')
                    OR is_granted OR signed_up
                )
                GROUP BY
                    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
                    its_code, paid_in
            ) AS c
            LEFT ANY JOIN v_code_owners AS o ON c.its_code = o.code
            GROUP BY
                by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, its_referrer
        )
    )
    WHERE its_referrer != ''
    ORDER BY referrals DESC, customers DESC, its_referrer
    LIMIT 1000 BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
)
ARRAY JOIN currencies AS its_currency
ORDER BY
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    referrals DESC, customers DESC, referrer, currency
