select
    person_id, user_id, order_id, event_time as ordered_at, is_first,
    amount_micros / 1e6 as amount, refunded_micros / 1e6 as refunded, currency
from {{ source('reftrail', 'v_orders') }}
