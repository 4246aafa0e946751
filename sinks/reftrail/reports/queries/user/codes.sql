-- The codes that are the user's by now, the latest first, with how many users are attributed to
-- each, as the report funnel counts; all_codes is how many there are in all.
--
-- Parameters: user, most UInt32.
WITH
owned AS (
    SELECT code, campaign_id, status, created_at, expires_at, max_uses FROM codes FINAL
    WHERE owner_user_id = {user:String}
      AND code IN (
            SELECT code FROM codes
            WHERE owner_user_id = {user:String} AND assumeNotNull(owner_user_id) = {user:String}
        )
),
shown AS (
    SELECT *, count() OVER () AS all_codes FROM owned
    ORDER BY created_at DESC, code LIMIT {most:UInt32}
),
referred AS (
    SELECT code, count() AS attributed FROM (
        SELECT user_id, code FROM attributions FINAL
        WHERE decisive
          AND user_id IN (SELECT user_id FROM attributions WHERE code IN (SELECT code FROM shown))
        ORDER BY user_id, received_at, event_id
        LIMIT 1 BY user_id
    )
    GROUP BY code
)
SELECT s.*, toUInt64(ifNull(r.attributed, 0)) AS attributed
FROM shown AS s LEFT JOIN referred AS r ON s.code = r.code
ORDER BY created_at DESC, code
