-- Every policy that some campaigns ever had, a row a version.
--
-- Parameter: campaigns Array(String).
SELECT formatRowNoNewline(
    'JSONCompactEachRow', 'policy', campaign_id, version, toUnixTimestamp64Milli(effective_from),
    policy
)
FROM campaigns FINAL WHERE campaign_id IN {campaigns:Array(String)}
