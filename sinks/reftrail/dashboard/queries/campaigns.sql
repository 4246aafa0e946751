-- Campaigns by name, for the choice of one.
SELECT campaign_id, name FROM v_campaigns ORDER BY campaign_id LIMIT 500
