-- Who was referred, and on what grounds.
--
-- facts: v_activity_conversions, v_activity_decisions
-- attributed (attri- buted): count. Users attributed to somebody who referred them.
-- by_first_touch: count. Of these, by the first touch known when they signed up.
-- by_typed_code: count. Of these, by a code that they typed in.
-- by_late_touch: count. Of these, by a touch that came in after the signup, but in time.
-- by_identified (by identi- fied): count. Of these, by a touch on another of the user's devices, as a server says.
-- by_identified_by_page (by identi- fied on a page): count. The same, as a page or app says, under a publishable key.
-- merged: count. Attributions that ended because the user was merged with one who signed up earlier.
-- late_touches: count. Touches from before a signup that came in too late to change anything.
-- signups: count. Signups; those of users attributed to nobody have no campaign, category, channel or code.
-- purchases (purch- ases): count. Purchases, in the same way.
-- median_hours: number. Median of the hours from touch to signup; null if nobody was attributed.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    countIf(kind = 'attributed') AS attributed,
    countIf(kind = 'attributed' AND basis = 'first_touch') AS by_first_touch,
    countIf(kind = 'attributed' AND basis = 'typed_code') AS by_typed_code,
    countIf(kind = 'attributed' AND basis = 'late_touch') AS by_late_touch,
    countIf(kind = 'attributed' AND basis = 'identified') AS by_identified,
    countIf(kind = 'attributed' AND basis = 'identified_by_page') AS by_identified_by_page,
    countIf(kind = 'merged') AS merged,
    countIf(kind = 'late_touch') AS late_touches,
    countIf(kind = 'signup') AS signups,
    countIf(kind = 'purchase') AS purchases,
    if(attributed = 0, NULL, quantileExactInclusiveIf(0.5)(hours, kind = 'attributed'))
        AS median_hours
FROM counted
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
HAVING attributed + merged + late_touches + signups + purchases > 0
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
