-- Those of some codes that are the user's by now, the latest first.
--
-- Parameters: user, codes Array(String).
SELECT code, campaign_id, status, created_at, expires_at, max_uses FROM codes FINAL
WHERE code IN {codes:Array(String)} AND owner_user_id = {user:String}
ORDER BY created_at DESC, code
