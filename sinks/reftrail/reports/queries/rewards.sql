-- The reward ledger, each reward as it is now, one row for each currency.
--
-- currency (cur- rency): text. The currency of the values; null for rejections that nobody could price.
-- rewards_granted (gran- ted): count. Rewards that were granted, reversed ones included.
-- rewards_reversed (rever- sed): count. Of these, taken back since, in whole.
-- rewards_rejected (rejec- ted): count. Rewards that were claimed and never granted.
-- reward_value: money. What granted rewards are worth now: without what was reversed or lapsed.
-- reversed_value: money. What was taken back of rewards, in whole or in part.
-- lapsed_value: money. What could not be delivered, or expired, and was not granted again.
-- clawback_value (claw- back): money. What is to be collected: delivered, and taken back before or after.
-- beneficiaries (benefi- ciaries): count. Different users who have a reward not reversed or lapsed.
SELECT
    by_campaign, by_category, by_channel, by_code, by_day,
    in_currency AS currency,
    countIf(is_granted) AS rewards_granted,
    countIf(is_granted AND is_reversed) AS rewards_reversed,
    countIf(NOT is_granted) AS rewards_rejected,
    sumIf(value_micros, is_granted) AS reward_value,
    sumIf(counted.reversed_micros, is_granted) AS reversed_value,
    sumIf(counted.lapsed_micros, is_granted) AS lapsed_value,
    sumIf(counted.clawback_micros, is_granted) AS clawback_value,
    uniqExactIf(beneficiary, has_value) AS beneficiaries
FROM counted
WHERE kind = 'reward'
GROUP BY by_campaign, by_category, by_channel, by_code, by_day, in_currency
ORDER BY by_campaign, by_category, by_channel, by_code, by_day, currency
