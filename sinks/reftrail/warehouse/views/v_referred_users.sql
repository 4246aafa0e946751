-- Users who were referred, one row a person: the first of the current attributions of a user, or of
-- all that were merged into one (v_people). Signups and purchases count under its code.
SELECT a.*, if(p.person_id = '', a.user_id, p.person_id) AS person_id
FROM v_current_attributions AS a LEFT JOIN v_people AS p ON a.user_id = p.user_id
ORDER BY person_id, a.received_at, a.event_id LIMIT 1 BY person_id
