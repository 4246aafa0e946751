-- How signups would be shared out by four models of attribution, over the same touches; by the signup.
--
-- facts: v_touch_credits
-- touched_signups (touched signups): count. People who signed up after at least one of these touches.
-- touches: count. Clicks before their signups that these people made, within the attribution window.
-- touches_per_signup (touches per signup): number. Touches divided by touched_signups.
-- decided: count. Of touched_signups, those who are attributed to a code of these touches.
-- first_touch: number. Signups, each given to its first touch.
-- last_touch: number. Signups, each given to its last touch.
-- linear: number. Signups, each given to its touches by equal parts.
-- position_based (posi- tion based): number. Signups, 40 % given to the first and last touch each, 20 % to those between; half each of two.
-- first_less_last (first less last): number. First_touch less last_touch: above 0 for what begins, below for what ends the way to a signup.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    uniqExact(person_id) AS touched_signups,
    count() AS touches,
    touches / touched_signups AS touches_per_signup,
    uniqExactIf(person_id, is_decided) AS decided,
    sum(first_part) AS first_touch,
    sum(last_part) AS last_touch,
    sum(linear_part) AS linear,
    sum(position_part) AS position_based,
    toInt64(first_touch) - toInt64(last_touch) AS first_less_last
FROM (SELECT counted.* EXCEPT (touches) FROM counted)
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
