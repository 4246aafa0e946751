-- What has happened under each code of which anything is known: a row a code.
--
-- Clicks under a code that nobody knew are left out, or a guesser's would be listed. users_rejected
-- are those who claimed and were granted nothing.
WITH
clicked AS (
    SELECT code, count() AS clicks FROM v_events
    WHERE type = 'click' AND NOT is_bot AND code != '' AND code_known IS DISTINCT FROM false
    GROUP BY code
),
attributed_users AS (
    SELECT code, count() AS attributed FROM v_referred_users GROUP BY code
),
claimed AS (
    SELECT code, user_id, countIf(status = 'granted') > 0 AS was_granted FROM v_rewards
    WHERE status IN ('granted', 'rejected') AND NOT startsWith(action, 'adjustment:')
    GROUP BY code, user_id
)
SELECT
    code,
    sum(its_clicks) AS clicks,
    sum(its_attributed) AS attributed,
    sum(granted) AS users_rewarded,
    sum(rejected) AS users_rejected
FROM (
    SELECT code, clicks AS its_clicks, 0 AS its_attributed, 0 AS granted, 0 AS rejected FROM clicked
    UNION ALL
    SELECT code, 0, attributed, 0, 0 FROM attributed_users
    UNION ALL
    SELECT code, 0, 0, countIf(was_granted), countIf(NOT was_granted) FROM claimed GROUP BY code
)
GROUP BY code
ORDER BY code
