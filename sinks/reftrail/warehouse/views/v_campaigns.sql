-- Campaigns, one row each: the newest version.
SELECT * FROM campaigns FINAL
ORDER BY campaign_id, version DESC LIMIT 1 BY campaign_id
