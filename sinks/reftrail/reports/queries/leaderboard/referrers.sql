-- Referrers by how many users they brought: those for whom they were granted a reward that was not
-- taken back in whole. One that failed or expired still counts, as it does for milestones: the user
-- was brought. A reward belongs to the time of the action that it was granted for. Who was merged into
-- an account is one person with it (v_people), whether as referrer or as user.
--
-- milestones are the names of the tiers and badges that they have now. Their positions are those of
-- one partition, so the last word on each is the one with the highest.
--
-- Parameters: campaign String (empty: all), since and until DateTime64(3, 'UTC') (until excluded),
-- most UInt32.
WITH
brought AS (
    SELECT
        if(p.person_id = '', b.its_referrer, p.person_id) AS referrer,
        if(q.person_id = '', b.its_user, q.person_id) AS referred,
        b.at AS at
    FROM (
        SELECT assumeNotNull(beneficiary) AS its_referrer, user_id AS its_user, at
        FROM v_reward_balances
        WHERE role = 'referrer' AND beneficiary IS NOT NULL AND is_granted AND status != 'reversed'
          AND ({campaign:String} = '' OR campaign_id = {campaign:String})
          AND at >= {since:DateTime64(3, 'UTC')} AND at < {until:DateTime64(3, 'UTC')}
    ) AS b
    LEFT JOIN v_people AS p ON b.its_referrer = p.user_id
    LEFT JOIN v_people AS q ON b.its_user = q.user_id
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
    GROUP BY beneficiary, campaign_id, name
    HAVING argMax(milestones.reached, cause_offset)
),
known AS (
    SELECT
        if(p.person_id = '', m.beneficiary, p.person_id) AS person,
        arraySort(groupUniqArray(m.name)) AS names
    FROM reached AS m
    LEFT JOIN v_people AS p ON m.beneficiary = p.user_id
    GROUP BY person
    HAVING person IN (SELECT referrer FROM leaders)
)
SELECT
    place AS rank, referrer AS user_id, users, rewards, known.names AS milestones,
    formatDateTime(last_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS last_at
FROM leaders LEFT JOIN known ON known.person = leaders.referrer
ORDER BY rank, user_id
