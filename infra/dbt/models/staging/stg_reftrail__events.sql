select
    event_id, type, ifNull(key_kind, '') as key_kind, event_time, received_at, visitor_id, user_id,
    code, campaign_id, category, channel, source, utm_source, country, order_id,
    amount_micros / 1e6 as amount, currency
from {{ source('reftrail', 'v_events') }}
where not is_bot
