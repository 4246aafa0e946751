select
    reward_id, at as earned_at, status, role, beneficiary, code, user_id, campaign_id,
    is_granted, balance_micros / 1e6 as balance, currency
from {{ source('reftrail', 'v_reward_balances') }}
