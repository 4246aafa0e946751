-- Codes: what is under each in the period, and which need a look; the most referrals first, at most 10,000.
--
-- Campaign, category, channel and code narrow the codes, as they are registered. Source and country narrow
-- what is under them, and only codes under which there is any of it are listed.
--
-- sums: activity
-- reads: code
-- visitors: clicked
-- usual: none
-- most: 10000
-- dimensions: none
-- filters: campaign, category, channel, source, code, country
-- code: key. The code as it is registered.
-- status: text. Its status as it is registered now.
-- clicks: count. Followed links; bots left out.
-- visitors_clicked (visi- tors clicked): count. Different visitors who clicked.
-- referrals: count. People who signed up and are attributed to it.
-- customers (custo- mers): count. Of the people it referred, those whose first order of all was placed.
-- rewards_granted (rewards granted): count. Rewards of either side that were granted, reversed ones included.
-- rewards_refused (rewards refused): count. Rewards of either side that are rejected or held now.
-- last_used: text. The day (in the time zone) of the last view, click, form, signup or order; null if there is none.
-- expires: text. The day on which it expires; null if it doesn't.
-- attention (atten- tion): text. Unused: none of these in the period. Expiring: within 30 days after the period (or now, if that is earlier). Suspicious: of at least 3 rewards at least half refused.
, listed AS (
    SELECT a.* FROM (
        SELECT
            c.code AS code, c.status AS status, c.expires_at AS expires_at,
            c.campaign_id AS campaign_id, nullIf(c.channel, '') AS channel,
            coalesce(nullIf(c.category, ''), nullIf(n.category, '')) AS category
        FROM v_codes AS c
        LEFT JOIN (SELECT campaign_id, category FROM v_campaigns) AS n
            ON c.campaign_id = n.campaign_id
    ) AS a
    WHERE true /* filters of codes */
)
SELECT
    k.code AS code,
    k.status AS status,
    ifNull(f.clicks, 0) AS clicks,
    ifNull(f.visitors_clicked, 0) AS visitors_clicked,
    ifNull(f.referrals, 0) AS referrals,
    ifNull(f.customers, 0) AS customers,
    ifNull(f.rewards_granted, 0) AS rewards_granted,
    ifNull(f.rewards_refused, 0) AS rewards_refused,
    if(f.uses = 0, NULL, toString(toDate(f.last_at, {time_zone:String}))) AS last_used,
    if(k.expires_at IS NULL, NULL, toString(toDate32(assumeNotNull(k.expires_at), {time_zone:String})))
        AS expires,
    least({until:DateTime64(3, 'UTC')}, now64(3, 'UTC')) AS seen_at,
    nullIf(arrayStringConcat(arrayFilter(word -> word != '', [
        if(f.uses = 0, 'unused', ''),
        if(
            ifNull(k.expires_at > seen_at AND k.expires_at <= addDays(seen_at, 30), false),
            'expiring', ''
        ),
        if(
            rewards_granted_now + rewards_refused >= 3
            AND rewards_refused * 2 >= rewards_granted_now + rewards_refused,
            'suspicious', ''
        )
    ]), ', '), '') AS attention
FROM listed AS k
LEFT JOIN (
    SELECT
        assumeNotNull(code) AS its_code,
        count_of(kind = 'click') AS clicks,
        different_visitors(kind = 'click') AS visitors_clicked,
        count_of(kind = 'signup') AS referrals,
        count_of(kind = 'purchase' AND is_first) AS customers,
        count_of(is_granted) AS rewards_granted,
        count_of(kind = 'reward' AND is_granted AND status NOT IN ('held', 'rejected'))
            AS rewards_granted_now,
        count_of(kind = 'reward' AND status IN ('held', 'rejected')) AS rewards_refused,
        count_of(kind IN ('view', 'click', 'form_started', 'signup', 'purchase')) AS uses,
        maxIf(at, kind IN ('view', 'click', 'form_started', 'signup', 'purchase')) AS last_at
    FROM counted
    WHERE code IN (SELECT code FROM listed)
    GROUP BY its_code
) AS f ON k.code = f.its_code
/* codes with facts */
ORDER BY referrals DESC, clicks DESC, code
LIMIT 10000
