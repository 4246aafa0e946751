-- Referrers by how many users they brought: those for whom they were granted a reward that was not
-- taken back in whole. One that failed or expired still counts, as it does for milestones: the user
-- was brought. A reward belongs to the time of the action that it was granted for.
--
-- milestones are the names of the tiers and badges that they have now. Their positions are those of
-- one partition, so the last word on each is the one with the highest.
--
-- Parameters: campaign String (empty: all), since and until DateTime64(3, 'UTC') (until excluded),
-- most UInt32.
WITH
brought AS (
    SELECT assumeNotNull(beneficiary) AS referrer, user_id AS referred, at
    FROM v_reward_balances
    WHERE role = 'referrer' AND beneficiary IS NOT NULL AND is_granted AND status != 'reversed'
      AND ({campaign:String} = '' OR campaign_id = {campaign:String})
      AND at >= {since:DateTime64(3, 'UTC')} AND at < {until:DateTime64(3, 'UTC')}
),
leaders AS (
    SELECT
        referrer,
        uniqExact(referred) AS users,
        count() AS rewards,
        max(at) AS last_at,
        rank() OVER (ORDER BY users DESC, rewards DESC) AS place
    FROM brought
    GROUP BY referrer
    ORDER BY place, referrer
    LIMIT {most:UInt32}
),
reached AS (
    SELECT beneficiary, campaign_id, name
    FROM milestones FINAL
    WHERE kind IN ('tier', 'badge')
      AND ({campaign:String} = '' OR campaign_id = {campaign:String})
      AND beneficiary IN (SELECT referrer FROM leaders)
    GROUP BY beneficiary, campaign_id, name
    HAVING argMax(milestones.reached, cause_offset)
),
known AS (
    SELECT beneficiary, arraySort(groupUniqArray(name)) AS names FROM reached GROUP BY beneficiary
)
SELECT
    place AS rank, referrer AS user_id, users, rewards, known.names AS milestones,
    formatDateTime(last_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS last_at
FROM leaders LEFT JOIN known ON known.beneficiary = leaders.referrer
ORDER BY rank, user_id
