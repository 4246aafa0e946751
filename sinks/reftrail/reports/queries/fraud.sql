-- What spoke against rewards, and whether it was right, by reason; a row for each currency.
--
-- facts: v_suspicions
-- reason: key. The check that found it; a reward that several found is in the row of each.
-- currency (cur- rency): key. The currency of the money; null for rewards that nobody could price.
-- suspected (sus- pected): count. Rewards that this reason spoke against, with any weight, when they were first decided on.
-- granted_at_once (granted at once): count. Of these, granted nevertheless.
-- held_at_first (held at first): count. Of these, held, for a review or for a holding period.
-- rejected_at_once (rejec- ted at once): count. Of these, rejected without a review.
-- approved: count. Of these, approved or reinstated by a person, at any time.
-- declined: count. Of these, declined by a person, and not approved.
-- precision (pre- cision): rate. Declined divided by declined and approved: how often people who looked agreed; null where nobody did.
-- saved: money. What those of them would have cost that are rejected now.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    counted.reason AS reason, in_currency AS currency,
    count() AS suspected,
    countIf(first_status = 'granted') AS granted_at_once,
    countIf(first_status = 'held') AS held_at_first,
    countIf(first_status = 'rejected') AS rejected_at_once,
    countIf(was_approved) AS approved,
    countIf(was_declined AND NOT was_approved) AS declined,
    if(approved + declined = 0, NULL, declined / (approved + declined)) AS precision,
    sumIf(value_micros, status = 'rejected') AS saved
FROM counted
GROUP BY
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, counted.reason, in_currency
ORDER BY
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    suspected DESC, reason, currency
