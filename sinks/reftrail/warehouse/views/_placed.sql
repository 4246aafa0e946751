-- Part of the views of activity: their facts, each with the campaign, category and channel that
-- it names, else those of its code.
placed AS (
    SELECT
        f.*,
        nullIf(f.code, '') AS its_code,
        coalesce(nullIf(f.campaign_id, ''), nullIf(r.campaign_id, '')) AS its_campaign,
        coalesce(nullIf(f.category, ''), nullIf(r.category, '')) AS its_category,
        coalesce(nullIf(f.channel, ''), nullIf(r.channel, '')) AS its_channel,
        nullIf(f.utm_source, '') AS its_source
    FROM facts AS f
    LEFT JOIN (SELECT code, campaign_id, category, channel FROM v_codes) AS r ON f.code = r.code
)
