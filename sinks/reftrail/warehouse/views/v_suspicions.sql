-- Suspicions: one row for each reason with a weight that spoke against a reward when it was first
-- decided on, as its evidence says; at is the time of the reward's action.
--
-- first_status is how it was decided at first: granted, held or rejected; status as it is now.
-- value_micros is what it was worth at first. was_approved, was_declined: a person has reviewed it so,
-- or has reinstated it after that.
-- country is that of the user's signup; other dimensions that are missing are those of the code, then
-- (the category) of the campaign. Adjustments by hand and bonuses for milestones are left out.
SELECT
    l.reward_id AS reward_id, l.reason AS reason, l.at AS at, l.code AS code,
    l.its_campaign AS campaign_id,
    coalesce(l.its_category, nullIf(n.category, '')) AS category, l.its_channel AS channel,
    nullIf(l.utm_source, '') AS utm_source,
    nullIf(h.country, '') AS country, nullIf(l.currency, 'XXX') AS currency,
    l.first_status AS first_status, l.status AS status, l.value_micros AS value_micros,
    l.was_approved AS was_approved, l.was_declined AS was_declined
FROM (
    SELECT
        b.reward_id AS reward_id, f.reason AS reason, b.at AS at, b.code AS code,
        coalesce(nullIf(b.campaign_id, ''), nullIf(r.campaign_id, '')) AS its_campaign,
        coalesce(nullIf(b.category, ''), nullIf(r.category, '')) AS its_category,
        coalesce(nullIf(b.channel, ''), nullIf(r.channel, '')) AS its_channel,
        b.utm_source AS utm_source,
        b.currency AS currency, b.status AS status, f.first_status AS first_status,
        f.value_micros AS value_micros, f.was_approved AS was_approved,
        f.was_declined AS was_declined, if(p.person_id = '', b.user_id, p.person_id) AS person_id
    FROM (
        SELECT
            reward_id, found.1 AS reason, decided.2 AS first_status, decided.3 AS value_micros,
            was_approved, was_declined
        FROM (
            SELECT
                reward_id,
                argMin(
                    tuple(ifNull(evidence, '[]'), v_rewards.status, v_rewards.value_micros),
                    tuple(cause_offset, event_id)
                ) AS decided,
                countIf(hasAny(reasons, ['approved', 'reinstated'])) > 0 AS was_approved,
                countIf(has(reasons, 'declined')) > 0 AS was_declined
            FROM v_rewards
            WHERE NOT startsWith(action, 'adjustment:') AND role != 'milestone'
            GROUP BY reward_id
        )
        ARRAY JOIN arrayFilter(
            one -> one.2 > 0,
            JSONExtract(decided.1, 'Array(Tuple(reason String, weight Int64))')
        ) AS found
    ) AS f
    INNER JOIN v_reward_balances AS b ON f.reward_id = b.reward_id
    LEFT JOIN v_people AS p ON b.user_id = p.user_id
    LEFT JOIN (SELECT code, campaign_id, category, channel FROM v_codes) AS r ON b.code = r.code
) AS l
LEFT JOIN (SELECT campaign_id, category FROM v_campaigns) AS n ON l.its_campaign = n.campaign_id
LEFT JOIN (SELECT person_id, country FROM v_signups_and_orders WHERE type = 'signup') AS h
    ON l.person_id = h.person_id
