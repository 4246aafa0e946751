-- Referrers' places in a campaign, one row each: by how many users they brought, then by how many rewards they
-- were granted for these, as the leaderboard says. Who has the same of both has the same place.
SELECT
    b.campaign_id AS campaign_id, b.referrer AS referrer, b.users AS users, b.rewards AS rewards,
    rank() OVER (PARTITION BY campaign_id ORDER BY users DESC, rewards DESC) AS place
FROM (
    SELECT
        its_campaign AS campaign_id, its_referrer AS referrer, uniqExact(referred) AS users,
        count() AS rewards
    FROM (
        SELECT
            campaign_id AS its_campaign, assumeNotNull(beneficiary) AS its_referrer,
            user_id AS referred
        FROM v_reward_balances
        WHERE role = 'referrer' AND beneficiary IS NOT NULL AND is_granted AND status != 'reversed'
    )
    GROUP BY its_campaign, its_referrer
) AS b
