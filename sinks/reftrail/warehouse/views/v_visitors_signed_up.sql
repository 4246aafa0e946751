-- Visitors who signed up, one row each. codes are those that users of theirs are attributed to ('' for none),
-- signed_up_at has the time of the last such signup for each.
SELECT visitor_id, groupArray(code) AS codes, groupArray(last_at) AS signed_up_at
FROM (
    SELECT assumeNotNull(e.visitor_id) AS visitor_id, a.code AS code, max(e.event_time) AS last_at
    FROM (
        SELECT
            s.visitor_id AS visitor_id, s.event_time AS event_time,
            if(p.person_id = '', s.user_id, p.person_id) AS person_id
        FROM (
            SELECT visitor_id, assumeNotNull(user_id) AS user_id, event_time FROM v_events
            WHERE type = 'signup' AND user_id IS NOT NULL
        ) AS s
        LEFT JOIN v_people AS p ON s.user_id = p.user_id
    ) AS e
    LEFT JOIN (
        SELECT c.code AS code, if(p.person_id = '', c.user_id, p.person_id) AS person_id
        FROM v_current_attributions AS c LEFT JOIN v_people AS p ON c.user_id = p.user_id
    ) AS a ON e.person_id = a.person_id
    WHERE e.visitor_id IS NOT NULL
    GROUP BY visitor_id, code
)
GROUP BY visitor_id
