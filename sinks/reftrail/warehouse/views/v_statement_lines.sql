-- Lines of statements of pay-outs, one row each: a reward, and what its statement has of it. at is the
-- last day of the statement's period, status that of the statement; what is carried over is left out.
-- is_settling: the statement counts as paid. country is that of the user's signup; other dimensions
-- that are missing are those of the code, then (the category) of the campaign.
SELECT
    l.code AS code, l.its_campaign AS campaign_id,
    coalesce(nullIf(l.category, ''), nullIf(n.category, '')) AS category,
    nullIf(l.channel, '') AS channel, nullIf(l.utm_source, '') AS utm_source, nullIf(l.country, '') AS country,
    l.currency AS currency, l.amount_micros AS amount_micros, l.beneficiary AS beneficiary,
    l.statement_id AS statement_id, l.status AS status, l.is_settling AS is_settling, l.at AS at
FROM (
    SELECT
        lines.code AS code, lines.currency AS currency, lines.amount_micros AS amount_micros,
        lines.beneficiary AS beneficiary, statements.statement_id AS statement_id,
        statements.status AS status, statements.is_settling AS is_settling,
        subtractMilliseconds(statements.period_until, 1) AS at,
        coalesce(nullIf(lines.campaign_id, ''), r.campaign_id) AS its_campaign,
        r.category AS category, r.channel AS channel, b.utm_source AS utm_source,
        h.country AS country
    FROM (
        SELECT DISTINCT
            line_id, statement_id, revision, reward_id, code, user_id, campaign_id, currency, amount_micros,
            beneficiary
        FROM statement_lines
    ) AS lines
    INNER JOIN current_statements AS statements
        ON lines.statement_id = statements.statement_id AND lines.revision = statements.revision
    LEFT JOIN v_people AS p ON lines.user_id = p.user_id
    LEFT JOIN (SELECT reward_id, utm_source FROM v_reward_balances) AS b
        ON lines.reward_id = b.reward_id
    LEFT JOIN (SELECT code, campaign_id, category, channel FROM v_codes) AS r ON lines.code = r.code
    LEFT JOIN (SELECT person_id, country FROM v_signups_and_orders WHERE type = 'signup') AS h
        ON if(p.person_id = '', lines.user_id, p.person_id) = h.person_id
    WHERE statements.carried_over IS NULL
) AS l
LEFT JOIN (SELECT campaign_id, category FROM v_campaigns) AS n ON l.its_campaign = n.campaign_id
