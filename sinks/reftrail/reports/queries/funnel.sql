-- From the first view to the reward.
--
-- views: count. Views that carry a code or campaign, or none; bots left out.
-- clicks: count. Followed links; bots left out.
-- forms_started (forms): count. Sign-up forms begun; bots left out.
-- signups: count. Signups, under the code that the user is attributed to.
-- purchases (purch- ases): count. Purchases, under the code that the user is attributed to.
-- attributed (attri- buted): count. Users attributed to somebody who referred them.
-- rewards_granted (rewards granted): count. Rewards that were granted, reversed ones included.
-- reward_value: money. Value of rewards granted and not reversed; null where currencies differ.
-- currency (cur- rency): text. The currency of reward_value; null where there is none or several.
-- conversion_rate (conv. rate): rate. Signups per click; null without clicks.
SELECT
    by_campaign, by_category, by_channel, by_code, by_day,
    countIf(kind = 'view') AS views,
    countIf(kind = 'click') AS clicks,
    countIf(kind = 'form_started') AS forms_started,
    countIf(kind = 'signup') AS signups,
    countIf(kind = 'purchase') AS purchases,
    countIf(kind = 'attributed') AS attributed,
    countIf(is_granted) AS rewards_granted,
    if(
        uniqExactIf(in_currency, is_granted) > 1,
        NULL,
        sumIf(value_micros, is_granted AND NOT is_reversed)
    ) AS reward_value,
    if(uniqExactIf(in_currency, is_granted) = 1, anyIf(in_currency, is_granted), NULL) AS currency,
    if(clicks = 0, NULL, signups / clicks) AS conversion_rate
FROM counted
GROUP BY by_campaign, by_category, by_channel, by_code, by_day
HAVING views + clicks + forms_started + signups + purchases + attributed + rewards_granted > 0
ORDER BY by_campaign, by_category, by_channel, by_code, by_day
