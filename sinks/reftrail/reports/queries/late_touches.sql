-- Touches from before a signup that were received after it was decided on; by the time of the signup.
--
-- facts: v_activity_decisions
-- late_touches: count. Those that came in too late to change anything.
-- people: count. Different people to whose signups they belong.
-- other_code: count. Of late_touches, those with another code than the person is attributed to: whose referrer would have been another.
-- of_nobody: count. Of late_touches, those of people who are attributed to nobody now.
-- corrected (correc- ted): count. People who are attributed by a late touch that came in time to change the decision.
-- attributed (attri- buted): count. People who are attributed on any grounds.
-- late_share: rate. Late_touches and corrected, divided by late_touches and attributed; null without any.
SELECT
    by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period,
    countIf(kind = 'late_touch') AS late_touches,
    uniqExactIf(its_person, kind = 'late_touch') AS people,
    countIf(kind = 'late_touch' AND decided_code != '' AND decided_code != its_code) AS other_code,
    countIf(kind = 'late_touch' AND decided_code = '') AS of_nobody,
    countIf(kind = 'attributed' AND its_basis = 'late_touch') AS corrected,
    countIf(kind = 'attributed') AS attributed,
    if(
        late_touches + attributed = 0, NULL, (late_touches + corrected) / (late_touches + attributed)
    ) AS late_share
FROM (
    SELECT
        c.by_campaign AS by_campaign, c.by_category AS by_category, c.by_channel AS by_channel,
        c.by_source AS by_source, c.by_code AS by_code, c.by_country AS by_country, c.by_period AS by_period,
        c.kind AS kind, c.person_id AS its_person, c.basis AS its_basis,
        ifNull(c.code, '') AS its_code, d.code AS decided_code
    FROM (SELECT * FROM counted WHERE kind IN ('attributed', 'late_touch')) AS c
    LEFT JOIN (SELECT person_id, code FROM v_referred_users) AS d ON c.person_id = d.person_id
)
GROUP BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
ORDER BY by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period
