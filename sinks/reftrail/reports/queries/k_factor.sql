-- How many people each new user brings, and how soon: by the signup of who brings them.
--
-- facts: v_activity_conversions
-- usual: all
-- users: count. People who signed up.
-- sharers: count. Of these, who own a code that somebody clicked or came by, whenever.
-- visitors_invited (visi- tors invited): count. Different visitors who clicked a code of these users, bots left out, whenever.
-- recruits: count. People who signed up and are attributed to a code of these users, whenever; not the users themselves.
-- k_factor: number. Recruits divided by users: above 1 the programme grows by itself; null without users.
-- invited_per_user (invi- ted per user): number. Visitors_invited divided by users.
-- recruits_per_invited (recruits per in- vited): number. Recruits divided by visitors_invited; null without any. Above 1 where codes are typed in.
-- cycle_days: number. Median of the days from a user's signup to that of each recruit who came after it; null without any.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    uniqExact(person_id) AS users,
    uniqExactIf(person_id, what != '') AS sharers,
    uniqExactArrayIf(invited, what = 'clicked') AS visitors_invited,
    countIf(what = 'recruited') AS recruits,
    recruits / users AS k_factor,
    visitors_invited / users AS invited_per_user,
    if(visitors_invited = 0, NULL, recruits / visitors_invited) AS recruits_per_invited,
    if(
        countIf(what = 'recruited' AND days >= 0) = 0,
        NULL,
        quantileExactInclusiveIf(0.5)(days, what = 'recruited' AND days >= 0)
    ) AS cycle_days
FROM (
    SELECT
        c.by_campaign AS by_campaign, c.by_category AS by_category, c.by_channel AS by_channel,
        c.by_source AS by_source, c.by_code AS by_code, c.by_country AS by_country, c.by_period AS by_period,
        c.person_id AS person_id, b.what AS what, b.invited AS invited,
        dateDiff('millisecond', c.at, b.came_at) / 86400000 AS days
    FROM (SELECT * FROM counted WHERE kind = 'signup') AS c
    LEFT JOIN (
        SELECT o.owner AS owner, u.what AS what, u.invited AS invited, u.came_at AS came_at
        FROM (
            SELECT
                'recruited' AS what, code AS its_code, person_id AS its_person, [] AS invited,
                event_time AS came_at
            FROM v_referred_users
            UNION ALL
            SELECT 'clicked', code, '', visitors, NULL FROM v_code_visitors
        ) AS u
        INNER JOIN v_code_owners AS o ON u.its_code = o.code
        WHERE u.its_person != o.owner
    ) AS b ON c.person_id = b.owner
)
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
