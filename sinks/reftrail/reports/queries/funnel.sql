-- From the first view to the reward.
--
-- sums: activity
-- views: count. Views that carry a code or campaign, or none; bots left out.
-- clicks: count. Followed links; bots left out.
-- forms_started (forms): count. Sign-up forms begun; bots left out.
-- visitors: count. Different visitors of these views, clicks and forms.
-- signups: count. Users who signed up, under the code that the user is attributed to.
-- purchases (purch- ases): count. Orders, under the code that the user is attributed to.
-- first_purchases (first purch- ases): count. Of these, the first order of their user.
-- attributed (attri- buted): count. Users attributed to somebody who referred them.
-- rewards_granted (rewards granted): count. Rewards that were granted, reversed ones included.
-- reward_value: money. What granted rewards are worth now; null where currencies differ.
-- currency (cur- rency): text. The currency of reward_value; null where there is none or several.
-- visitors_clicked (visi- tors clicked): count. Different visitors who clicked; bots left out.
-- visitors_signed_up (of these signed up): count. Of these, who then signed up under the same code.
-- typed_signups (typed sign- ups): count. Users who signed up under a code that they typed in.
-- signups_bought (signups who bought): count. Of the signups, whose user has bought since, whenever.
-- click_rate: rate. Of visitors, who clicked; null without visitors.
-- conversion_rate (conv. rate): rate. Of visitors who clicked, who signed up; null without clicks.
-- purchase_rate (purch- ase rate): rate. Of users who signed up, who have bought since; null without signups.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    count_of(kind = 'view') AS views,
    count_of(kind = 'click') AS clicks,
    count_of(kind = 'form_started') AS forms_started,
    different_visitors(kind IN ('view', 'click', 'form_started')) AS visitors,
    count_of(kind = 'signup') AS signups,
    count_of(kind = 'purchase') AS purchases,
    count_of(kind = 'purchase' AND is_first) AS first_purchases,
    count_of(kind = 'attributed') AS attributed,
    count_of(is_granted) AS rewards_granted,
    if(
        uniqExactIf(in_currency, is_granted) > 1,
        NULL,
        sumIf(value_micros, is_granted)
    ) AS reward_value,
    if(uniqExactIf(in_currency, is_granted) = 1, anyIf(in_currency, is_granted), NULL) AS currency,
    different_visitors(kind = 'click') AS visitors_clicked,
    different_visitors(signed_up) AS visitors_signed_up,
    count_of(kind = 'signup' AND basis = 'typed_code') AS typed_signups,
    count_of(kind = 'signup' AND has_bought) AS signups_bought,
    if(visitors = 0, NULL, visitors_clicked / visitors) AS click_rate,
    if(visitors_clicked = 0, NULL, visitors_signed_up / visitors_clicked) AS conversion_rate,
    if(signups = 0, NULL, signups_bought / signups) AS purchase_rate
FROM counted
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
HAVING views + clicks + forms_started + signups + purchases + attributed + rewards_granted > 0
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
