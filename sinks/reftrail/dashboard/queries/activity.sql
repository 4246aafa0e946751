-- Facts behind a figure, the latest first: rows of v_activity of some kinds in a period.
--
-- Parameters: kinds Array(String), since and until DateTime64(3, 'UTC') (until excluded), campaign, code,
-- category, channel, source and country String ('' for all), most UInt32.
SELECT
    kind, formatDateTime(at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS at, code, campaign_id, category, channel,
    country, person_id, visitor_id, status, is_first, value_micros, amount_micros, currency,
    count() OVER () AS in_all
FROM v_activity AS a
WHERE kind IN {kinds:Array(String)}
    AND a.at >= {since:DateTime64(3, 'UTC')} AND a.at < {until:DateTime64(3, 'UTC')}
    AND ({campaign:String} = '' OR campaign_id = {campaign:String})
    AND ({code:String} = '' OR code = {code:String})
    AND ({category:String} = '' OR category = {category:String})
    AND ({channel:String} = '' OR channel = {channel:String})
    AND ({source:String} = '' OR utm_source = {source:String})
    AND ({country:String} = '' OR country = {country:String})
ORDER BY a.at DESC, code, person_id, visitor_id
LIMIT {most:UInt32}
