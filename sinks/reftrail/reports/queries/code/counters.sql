-- What has happened under one code, counted as the report funnel counts by code: one row.
--
-- Parameters: code String.
WITH
people AS (
    SELECT user_id, person_id FROM v_people
),
touching AS (
    SELECT DISTINCT if(p.person_id = '', a.user_id, p.person_id) AS person_id
    FROM (SELECT DISTINCT user_id FROM attributions WHERE code = {code:String}) AS a
    LEFT JOIN people AS p ON a.user_id = p.user_id
),
attributed_people AS (
    SELECT person_id FROM (
        SELECT if(p.person_id = '', a.user_id, p.person_id) AS person_id, a.code AS its_code
        FROM (
            SELECT user_id, code, received_at, event_id FROM v_current_attributions
            WHERE user_id IN (
                SELECT person_id FROM touching
                UNION ALL
                SELECT user_id FROM people WHERE person_id IN touching
            )
        ) AS a
        LEFT JOIN people AS p ON a.user_id = p.user_id
        ORDER BY person_id, a.received_at, a.event_id LIMIT 1 BY person_id
    )
    WHERE its_code = {code:String}
),
(
    SELECT groupArray(person_id) FROM attributed_people
) AS referred,
attributed_users AS (
    SELECT arrayJoin(referred) AS user_id
    UNION ALL
    SELECT user_id FROM people WHERE has(referred, person_id)
)
SELECT
    seen.views AS views, seen.clicks AS clicks,
    conversions_seen.signups AS signups, conversions_seen.purchases AS purchases,
    toUInt64(length(referred)) AS attributed,
    granted.rewards_granted AS rewards_granted, granted.users_rewarded AS users_rewarded
FROM (
    SELECT countIf(type = 'view') AS views, countIf(type = 'click') AS clicks
    FROM v_events
    WHERE code = {code:String} AND type IN ('view', 'click') AND NOT is_bot
) AS seen
CROSS JOIN (
    SELECT
        uniqExactIf(its_person, type = 'signup') AS signups,
        uniqExactIf(tuple(its_person, order_id), type = 'purchase') AS purchases
    FROM (
        SELECT
            e.type AS type, if(p.person_id = '', e.its_user, p.person_id) AS its_person,
            e.order_id AS order_id
        FROM (
            SELECT type, assumeNotNull(user_id) AS its_user, order_id FROM v_events
            WHERE user_id IN attributed_users AND type IN ('signup', 'purchase')
        ) AS e
        LEFT JOIN people AS p ON e.its_user = p.user_id
    )
) AS conversions_seen
CROSS JOIN (
    SELECT uniqExact(reward_id) AS rewards_granted, uniqExact(user_id) AS users_rewarded
    FROM v_rewards
    WHERE code = {code:String} AND v_rewards.status = 'granted'
) AS granted
