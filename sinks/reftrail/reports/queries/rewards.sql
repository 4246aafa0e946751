-- The reward ledger, each reward as it is now, one row for each currency.
--
-- facts: v_activity_decisions
-- currency (cur- rency): key. The currency of the values; null for rejections that nobody could price.
-- rewards_granted (gran- ted): count. Rewards that were granted, reversed ones included.
-- rewards_reversed (rever- sed): count. Of these, taken back since, in whole.
-- rewards_fulfilled (ful- filled): count. Of the granted, delivered, and not taken back since.
-- rewards_failed (failed): count. Of the granted, those that could not be delivered, as they are now.
-- rewards_expired (expi- red): count. Of the granted, expired before they were delivered, as they are now.
-- rewards_rejected (rejec- ted): count. Rewards that were claimed, and are rejected now.
-- rewards_held (held): count. Rewards that are held back now: for a review, a holding period or a dispute.
-- reward_value: money. What granted rewards are worth now: without what was reversed or lapsed.
-- liability (liabi- lity): money. Of the reward_value, what is granted and not delivered yet: it is still owed.
-- reversed_value: money. What was taken back of rewards, in whole or in part.
-- lapsed_value: money. What could not be delivered, or expired, and was not granted again.
-- clawback_value (claw- back): money. What is to be collected: delivered, and taken back before or after.
-- adjustments (adjust- ments): count. Adjustments by hand, approved where they needed it.
-- adjusted_value (adjus- ted): money. Their credits less their debits, besides the reward_value.
-- beneficiaries (benefi- ciaries): count. Different users who have a reward not reversed or lapsed.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    in_currency AS currency,
    countIf(is_granted) AS rewards_granted,
    countIf(is_granted AND is_reversed) AS rewards_reversed,
    countIf(kind = 'reward' AND status = 'fulfilled') AS rewards_fulfilled,
    countIf(kind = 'reward' AND status = 'failed') AS rewards_failed,
    countIf(kind = 'reward' AND status = 'expired') AS rewards_expired,
    countIf(kind = 'reward' AND status = 'rejected') AS rewards_rejected,
    countIf(kind = 'reward' AND status = 'held') AS rewards_held,
    sumIf(value_micros, is_granted) AS reward_value,
    sumIf(value_micros, kind = 'reward' AND status = 'granted') AS liability,
    sumIf(counted.reversed_micros, is_granted) AS reversed_value,
    sumIf(counted.lapsed_micros, is_granted) AS lapsed_value,
    sumIf(counted.clawback_micros, is_granted) AS clawback_value,
    countIf(kind = 'adjustment') AS adjustments,
    sumIf(value_micros, kind = 'adjustment') AS adjusted_value,
    uniqExactIf(beneficiary, has_value) AS beneficiaries
FROM counted
WHERE kind IN ('reward', 'adjustment')
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, in_currency
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, currency
