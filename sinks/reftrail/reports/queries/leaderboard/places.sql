-- Best places of some users, one row for each campaign in which they have one.
--
-- Parameters: users Array(String).
SELECT campaign_id, min(place) AS best
FROM v_leaders
WHERE referrer IN {users:Array(String)}
GROUP BY campaign_id
ORDER BY best, campaign_id
