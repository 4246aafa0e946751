select
    event_id as attribution_id, event_time as attributed_at, user_id, visitor_id, code, campaign_id,
    category, channel, basis, touch_time
from {{ source('reftrail', 'v_current_attributions') }}
