-- Codes that visitors have clicked, bots left out, one row each, with the ids of these visitors.
SELECT assumeNotNull(code) AS code, groupUniqArray(assumeNotNull(visitor_id)) AS visitors
FROM v_visits
WHERE kind = 'click' AND code IS NOT NULL AND visitor_id IS NOT NULL
GROUP BY code
