-- What statements of pay-outs have of each reward, one row for each currency; by the last day of the period.
--
-- facts: v_statement_lines
-- days: utc
-- currency (cur- rency): key. The currency of the values.
-- statements (state- ments): count. Different statements that pay something.
-- prepared_value: money. What is prepared and waits for its approval.
-- approved_value: money. What is approved or exported, and not reported on yet.
-- paid_value: money. What was paid, less what the same statements took back.
-- failed_value: money. What failed or came back; it is due again.
-- taken_back_value (taken back): money. What statements took back of rewards that were paid before.
-- beneficiaries (benefi- ciaries): count. Different users who were paid.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    in_currency AS currency,
    uniqExact(statement_id) AS statements,
    sumIf(counted.amount_micros, status = 'prepared') AS prepared_value,
    sumIf(counted.amount_micros, status IN ('approved', 'exported')) AS approved_value,
    sumIf(counted.amount_micros, status = 'paid') AS paid_value,
    sumIf(counted.amount_micros, status IN ('failed', 'returned')) AS failed_value,
    -sumIf(counted.amount_micros, counted.amount_micros < 0 AND is_settling) AS taken_back_value,
    uniqExactIf(beneficiary, status = 'paid') AS beneficiaries
FROM counted
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, in_currency
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period, currency
