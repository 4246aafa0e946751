-- A code as it is registered now. Parameter: code String.
SELECT
    code, campaign_id, owner_user_id, category, channel, status, max_uses,
    formatDateTime(created_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS created,
    if(expires_at IS NULL, NULL, formatDateTime(assumeNotNull(expires_at), '%Y-%m-%dT%H:%i:%SZ', 'UTC')) AS expires
FROM v_codes WHERE code = {code:String}
