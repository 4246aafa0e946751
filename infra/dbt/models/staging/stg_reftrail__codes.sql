select code, owner_user_id, campaign_id, category, channel, status, created_at
from {{ source('reftrail', 'v_codes') }}
