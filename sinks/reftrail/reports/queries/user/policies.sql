-- Of some campaigns the policy in force at a time.
--
-- Parameters: campaigns Array(String), at DateTime64(3, 'UTC').
SELECT campaign_id, policy FROM campaigns FINAL
WHERE campaign_id IN {campaigns:Array(String)} AND effective_from <= {at:DateTime64(3, 'UTC')}
ORDER BY effective_from DESC, version DESC
LIMIT 1 BY campaign_id
