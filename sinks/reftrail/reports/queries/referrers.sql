-- Who refers, and what that brings: the 1,000 with the most referrals, a row for each currency.
--
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
            -- Visits have no currency, so all visitors of a referrer are in one row.
            SELECT
                by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, its_referrer,
                uniqExactArray(codes_in) AS codes,
                sum(visitors_clicked_in) AS visitors_clicked,
                sum(visitors_signed_up_in) AS visitors_signed_up,
                sum(referrals_in) AS referrals,
                sum(customers_in) AS customers,
                /* by currency */
            FROM (
                SELECT
                    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
                    its_referrer, paid_in,
                    groupUniqArray(its_code) AS codes_in,
                    different_visitors(kind = 'click') AS visitors_clicked_in,
                    different_visitors(signed_up) AS visitors_signed_up_in,
                    countIf(kind = 'signup') AS referrals_in,
                    countIf(kind = 'purchase' AND is_first) AS customers_in,
                    toInt64(countIf(kind = 'purchase')) AS orders_in,
                    sumIf(paid_micros - refunded_micros, kind = 'purchase') AS revenue_in,
                    toInt64(countIf(is_granted AND is_own)) AS grants_in,
                    countIf((is_granted OR kind = 'adjustment') AND is_own) AS values_in,
                    sumIf(value_micros, (is_granted OR kind = 'adjustment') AND is_own) AS value_in
                FROM (
                    SELECT
                        c.* EXCEPT (amount_micros), c.amount_micros AS paid_micros, c.code AS its_code,
                        ifNull(c.in_currency, '') AS paid_in, o.owner AS its_referrer,
                        ifNull(c.beneficiary, '') = o.owner AS is_own
                    FROM (SELECT * FROM counted WHERE code IS NOT NULL) AS c
                    LEFT JOIN (
                        SELECT
                            k.code AS code,
                            if(p.person_id = '', assumeNotNull(k.owner_user_id), p.person_id) AS owner
                        FROM (SELECT code, owner_user_id FROM v_codes WHERE owner_user_id IS NOT NULL) AS k
                        LEFT JOIN v_people AS p ON assumeNotNull(k.owner_user_id) = p.user_id
                    ) AS o ON c.code = o.code
                )
                WHERE kind IN ('view', 'click', 'form_started', 'signup', 'purchase', 'adjustment')
                    OR is_granted OR signed_up
                GROUP BY
                    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
                    its_referrer, paid_in
            )
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
