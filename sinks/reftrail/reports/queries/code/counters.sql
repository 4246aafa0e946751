-- What has happened under one code, counted as the report funnel counts by code: one row.
--
-- Events are stored by id. The ids of the code's are looked up first, so that only the parts that
-- hold one of them are read in full and freed of duplicates.
--
-- Parameters: code String.
WITH
seen AS (
    SELECT type FROM events FINAL
    WHERE event_id IN (SELECT event_id FROM events WHERE code = {code:String})
      AND code = {code:String} AND type IN ('view', 'click') AND NOT is_bot
),
attributed_users AS (
    SELECT user_id FROM (
        SELECT user_id, code FROM current_attributions
        WHERE user_id IN (SELECT user_id FROM attributions WHERE code = {code:String})
        ORDER BY user_id, received_at, event_id LIMIT 1 BY user_id
    )
    WHERE code = {code:String}
),
conversions_seen AS (
    SELECT type, user_id, order_id FROM events FINAL
    WHERE event_id IN (SELECT event_id FROM events WHERE user_id IN attributed_users)
      AND user_id IN attributed_users AND type IN ('signup', 'purchase')
),
granted AS (
    SELECT reward_id, user_id FROM rewards FINAL
    WHERE code = {code:String} AND status = 'granted'
)
SELECT
    (SELECT countIf(type = 'view') FROM seen) AS views,
    (SELECT countIf(type = 'click') FROM seen) AS clicks,
    (SELECT uniqExactIf(user_id, type = 'signup') FROM conversions_seen) AS signups,
    (SELECT uniqExactIf(tuple(user_id, order_id), type = 'purchase') FROM conversions_seen) AS purchases,
    (SELECT count() FROM attributed_users) AS attributed,
    (SELECT uniqExact(reward_id) FROM granted) AS rewards_granted,
    (SELECT uniqExact(user_id) FROM granted) AS users_rewarded
