-- What version 3 of Event, Touched, Converted and Claimed, 2 of Attributed and 5 of RewardDecided add:
-- net amounts, ids of refunds and disputes, accounts that were merged, arms of experiments, and rates.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS refund_id Nullable(String),
    ADD COLUMN IF NOT EXISTS amount_refunded_micros Nullable(Int64),
    ADD COLUMN IF NOT EXISTS net_amount_micros Nullable(Int64),
    ADD COLUMN IF NOT EXISTS tax_micros Nullable(Int64),
    ADD COLUMN IF NOT EXISTS shipping_micros Nullable(Int64),
    ADD COLUMN IF NOT EXISTS dispute_id Nullable(String),
    ADD COLUMN IF NOT EXISTS merged_into Nullable(String);
ALTER TABLE touches ADD COLUMN IF NOT EXISTS arm Nullable(String);
ALTER TABLE conversions
    ADD COLUMN IF NOT EXISTS net_amount_micros Nullable(Int64),
    ADD COLUMN IF NOT EXISTS refund_id Nullable(String),
    ADD COLUMN IF NOT EXISTS amount_refunded_micros Nullable(Int64),
    ADD COLUMN IF NOT EXISTS dispute_id Nullable(String),
    ADD COLUMN IF NOT EXISTS merged_into Nullable(String),
    ADD COLUMN IF NOT EXISTS touch_arm Nullable(String);
ALTER TABLE attributions ADD COLUMN IF NOT EXISTS arm Nullable(String);
ALTER TABLE claims
    ADD COLUMN IF NOT EXISTS net_amount_micros Nullable(Int64),
    ADD COLUMN IF NOT EXISTS refund_id Nullable(String),
    ADD COLUMN IF NOT EXISTS amount_refunded_micros Nullable(Int64),
    ADD COLUMN IF NOT EXISTS dispute_id Nullable(String),
    ADD COLUMN IF NOT EXISTS first_purchase_at Nullable(DateTime64(3, 'UTC')),
    ADD COLUMN IF NOT EXISTS arm Nullable(String);
ALTER TABLE rewards
    ADD COLUMN IF NOT EXISTS arm Nullable(String),
    ADD COLUMN IF NOT EXISTS rate_percent Nullable(String),
    ADD COLUMN IF NOT EXISTS base_micros Nullable(Int64);
