-- Every version of a campaign, by when it comes into force.
--
-- Parameter: campaign String.
SELECT version, toUnixTimestamp64Milli(effective_from) AS effective_ms, policy
FROM campaigns FINAL
WHERE campaign_id = {campaign:String}
ORDER BY effective_from, version
