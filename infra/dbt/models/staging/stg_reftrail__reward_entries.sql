select
    event_id as entry_id, reward_id, event_time as entered_at, status, role, beneficiary, code,
    user_id, campaign_id, effect_micros / 1e6 as effect, currency
from {{ source('reftrail', 'v_rewards') }}
