select * from {{ source('reftrail', 'v_funnel_daily') }}
