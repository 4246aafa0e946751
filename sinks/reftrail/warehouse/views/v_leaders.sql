-- Referrers' places in a campaign, one row a person (v_people): by how many persons they brought, then by how
-- many rewards they were granted for these, as the leaderboard says. Who has the same of both has the same place.
SELECT
    b.campaign_id AS campaign_id, b.referrer AS referrer, b.users AS users, b.rewards AS rewards,
    rank() OVER (PARTITION BY campaign_id ORDER BY users DESC, rewards DESC) AS place
FROM (
    SELECT
        its_campaign AS campaign_id, its_referrer AS referrer, uniqExact(referred) AS users,
        count() AS rewards
    FROM (
        SELECT
            r.its_campaign AS its_campaign,
            if(p.person_id = '', r.to_whom, p.person_id) AS its_referrer,
            if(q.person_id = '', r.its_user, q.person_id) AS referred
        FROM (
            SELECT
                campaign_id AS its_campaign, assumeNotNull(beneficiary) AS to_whom,
                user_id AS its_user
            FROM v_reward_balances
            WHERE role = 'referrer' AND beneficiary IS NOT NULL AND is_granted AND status != 'reversed'
        ) AS r
        LEFT JOIN v_people AS p ON r.to_whom = p.user_id
        LEFT JOIN v_people AS q ON r.its_user = q.user_id
    )
    GROUP BY its_campaign, its_referrer
) AS b
