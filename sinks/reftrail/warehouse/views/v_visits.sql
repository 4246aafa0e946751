-- Views, clicks and forms that were begun, one row each, under the dimensions that v_activity states. Bots
-- are left out. kind: view, click or form_started.
WITH
facts AS (
    SELECT
        type AS kind, event_time AS at, code, campaign_id, category, channel, utm_source, country,
        visitor_id
    FROM v_events
    WHERE type IN ('view', 'click', 'form_started') AND NOT is_bot
),
/* placed */
SELECT
    p.kind AS kind, p.at AS at, p.its_code AS code, p.its_campaign AS campaign_id,
    coalesce(p.its_category, nullIf(n.category, '')) AS category, p.its_channel AS channel,
    p.its_source AS utm_source,
    nullIf(p.country, '') AS country, p.visitor_id AS visitor_id
FROM placed AS p
LEFT JOIN (SELECT campaign_id, category FROM v_campaigns) AS n ON p.its_campaign = n.campaign_id
