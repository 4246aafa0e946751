-- The reward ledger, each reward as it stands now, one row for each currency.
--
-- currency (cur- rency): text. The currency of the values; null for rejections that nobody could price.
-- rewards_granted (gran- ted): count. Rewards that were granted, reversed ones included.
-- rewards_reversed (rever- sed): count. Of these, taken back since.
-- rewards_rejected (rejec- ted): count. Rewards that were claimed and never granted.
-- reward_value: money. Value of rewards granted and not reversed.
-- reversed_value: money. Value of rewards taken back.
-- beneficiaries (benefi- ciaries): count. Different users who hold a reward that was not reversed.
SELECT
    by_campaign, by_category, by_channel, by_code, by_day,
    in_currency AS currency,
    countIf(is_granted) AS rewards_granted,
    countIf(is_granted AND is_reversed) AS rewards_reversed,
    countIf(NOT is_granted) AS rewards_rejected,
    sumIf(value_micros, is_granted AND NOT is_reversed) AS reward_value,
    sumIf(value_micros, is_granted AND is_reversed) AS reversed_value,
    uniqExactIf(beneficiary, is_granted AND NOT is_reversed) AS beneficiaries
FROM counted
WHERE kind = 'reward'
GROUP BY by_campaign, by_category, by_channel, by_code, by_day, in_currency
ORDER BY by_campaign, by_category, by_channel, by_code, by_day, currency
