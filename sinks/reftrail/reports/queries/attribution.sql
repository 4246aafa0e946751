-- Who was referred, and on what grounds.
--
-- attributed (attri- buted): count. Users attributed to somebody who referred them.
-- by_first_touch: count. Of these, by the first touch known when they signed up.
-- by_typed_code: count. Of these, by a code that they typed in.
-- by_late_touch: count. Of these, by a touch that came in after the signup, but in time.
-- late_touches: count. Touches from before a signup that came in too late to change anything.
-- signups: count. Signups; those of users attributed to nobody stand under no dimension but day.
-- purchases (purch- ases): count. Purchases, in the same way.
-- median_hours: number. Median of the hours from touch to signup; null if nobody was attributed.
SELECT
    by_campaign, by_category, by_channel, by_code, by_day,
    countIf(kind = 'attributed') AS attributed,
    countIf(kind = 'attributed' AND basis = 'first_touch') AS by_first_touch,
    countIf(kind = 'attributed' AND basis = 'typed_code') AS by_typed_code,
    countIf(kind = 'attributed' AND basis = 'late_touch') AS by_late_touch,
    countIf(kind = 'late_touch') AS late_touches,
    countIf(kind = 'signup') AS signups,
    countIf(kind = 'purchase') AS purchases,
    if(attributed = 0, NULL, quantileExactInclusiveIf(0.5)(hours, kind = 'attributed'))
        AS median_hours
FROM counted
GROUP BY by_campaign, by_category, by_channel, by_code, by_day
HAVING attributed + late_touches + signups + purchases > 0
ORDER BY by_campaign, by_category, by_channel, by_code, by_day
