-- How many visitors or codes of an experiment are in each arm, by the version of the campaign that
-- was in force at the first touch of each.
--
-- Parameters: as those of `arms.sql`, and by String: visitor or code, in any case of its letters.
WITH
units AS (
    SELECT
        if({by:String} = 'code', upper(code), visitor_id) AS unit,
        argMin(arm, tuple(event_time, event_id)) AS its_arm,
        min(event_time) AS at
    FROM touched_arms FINAL
    WHERE campaign_id = {campaign:String} AND event_time >= {begun:DateTime64(3, 'UTC')}
    GROUP BY unit
    HAVING at >= {since:DateTime64(3, 'UTC')} AND at < {until:DateTime64(3, 'UTC')}
),
versions AS (
    SELECT version, effective_from FROM campaigns FINAL WHERE campaign_id = {campaign:String}
),
placed AS (
    SELECT u.unit, u.its_arm, argMax(v.version, tuple(v.effective_from, v.version)) AS its_version
    FROM units AS u CROSS JOIN versions AS v
    WHERE v.effective_from <= u.at
    GROUP BY u.unit, u.its_arm
)
SELECT its_version AS version, its_arm AS arm, count() AS units
FROM placed
GROUP BY version, arm
ORDER BY version, arm
