-- Each arm of a campaign's experiment, by the visitors whose first touch since it began, and by the
-- users whose touch or typed code, lies in the period; with all that came of them since.
--
-- visitors: visitors who touched; of these visitors_signed_up were attributed to the campaign in the
-- same arm, and visitors_qualified are those whose user has a reward that was granted and not taken
-- back in whole. signups and qualified count users, those who typed a code in and never touched
-- among them.
--
-- Parameters: campaign String, begun, since and until DateTime64(3, 'UTC') (until excluded).
WITH
touched AS (
    SELECT visitor_id, argMin(arm, tuple(event_time, event_id)) AS its_arm, min(event_time) AS at
    FROM touched_arms FINAL
    WHERE campaign_id = {campaign:String} AND event_time >= {begun:DateTime64(3, 'UTC')}
    GROUP BY visitor_id
    HAVING at >= {since:DateTime64(3, 'UTC')} AND at < {until:DateTime64(3, 'UTC')}
),
earned AS (
    SELECT DISTINCT user_id
    FROM v_reward_balances
    WHERE campaign_id = {campaign:String} AND role IN ('referrer', 'referee')
      AND is_granted AND status != 'reversed'
),
users AS (
    SELECT
        user_id, ifNull(visitor_id, '') AS its_visitor, assumeNotNull(arm) AS its_arm,
        user_id IN (SELECT user_id FROM earned) AS is_qualified
    FROM v_current_attributions
    WHERE campaign_id = {campaign:String} AND arm IS NOT NULL
      AND touch_time >= {begun:DateTime64(3, 'UTC')}
      AND touch_time >= {since:DateTime64(3, 'UTC')} AND touch_time < {until:DateTime64(3, 'UTC')}
    ORDER BY event_time, event_id
    LIMIT 1 BY user_id
),
converted AS (
    SELECT its_visitor, its_arm, max(is_qualified) AS is_qualified
    FROM users
    GROUP BY its_visitor, its_arm
),
counted AS (
    SELECT
        t.its_arm AS arm, count() AS touched, countIf(c.its_visitor != '') AS signed_up,
        countIf(c.is_qualified) AS earning, 0 AS users, 0 AS earning_users
    FROM touched AS t
    LEFT JOIN converted AS c ON t.visitor_id = c.its_visitor AND t.its_arm = c.its_arm
    GROUP BY arm
    UNION ALL
    SELECT its_arm, 0, 0, 0, count(), countIf(is_qualified) FROM users GROUP BY its_arm
)
SELECT
    arm,
    sum(touched) AS visitors, sum(signed_up) AS visitors_signed_up,
    sum(earning) AS visitors_qualified, sum(users) AS signups, sum(earning_users) AS qualified
FROM counted
GROUP BY arm
ORDER BY arm
