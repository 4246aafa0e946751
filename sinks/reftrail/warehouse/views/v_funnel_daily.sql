-- Funnel by UTC day, campaign, category, channel, source and code, as the report funnel counts.
--
-- Counts of events, signups, purchases, attributions and rewards can be added up over days and
-- codes; visitors_clicked and visitors_signed_up can't, since one visitor may be in several rows.
-- reward_value_micros and currency are null where rewards of several currencies meet.
SELECT
    toDate(at, 'UTC') AS day,
    v_activity.campaign_id AS campaign_id,
    v_activity.category AS category,
    v_activity.channel AS channel,
    v_activity.utm_source AS utm_source,
    v_activity.code AS code,
    countIf(kind = 'view') AS views,
    countIf(kind = 'click') AS clicks,
    countIf(kind = 'form_started') AS forms_started,
    countIf(kind = 'signup') AS signups,
    countIf(kind = 'purchase') AS purchases,
    countIf(kind = 'attributed') AS attributed,
    countIf(is_granted) AS rewards_granted,
    if(uniqExactIf(v_activity.currency, is_granted) > 1, NULL, sumIf(value_micros, is_granted))
        AS reward_value_micros,
    if(uniqExactIf(v_activity.currency, is_granted) = 1, anyIf(v_activity.currency, is_granted), NULL)
        AS currency,
    uniqExactIf(visitor_id, kind = 'click') AS visitors_clicked,
    uniqExactIf(visitor_id, signed_up) AS visitors_signed_up,
    countIf(kind = 'signup' AND basis = 'typed_code') AS typed_signups
FROM v_activity
GROUP BY day, campaign_id, category, channel, utm_source, code
HAVING views + clicks + forms_started + signups + purchases + attributed + rewards_granted > 0
