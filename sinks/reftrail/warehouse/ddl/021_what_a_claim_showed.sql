-- What the touch of a signup showed, whether an entry makes a referral count for milestones, and the
-- action that a review or a report of fulfilment is about.
ALTER TABLE claims ADD COLUMN IF NOT EXISTS touch_received_at Nullable(DateTime64(3, 'UTC'));
ALTER TABLE claims ADD COLUMN IF NOT EXISTS touch_key_kind Nullable(String);
ALTER TABLE claims ADD COLUMN IF NOT EXISTS touch_device_hash Nullable(String);
ALTER TABLE claims ADD COLUMN IF NOT EXISTS touch_ip_hash Nullable(String);
ALTER TABLE claims ADD COLUMN IF NOT EXISTS touch_network_hash Nullable(String);
ALTER TABLE rewards ADD COLUMN IF NOT EXISTS qualifies Nullable(Int32);
ALTER TABLE reviews ADD COLUMN IF NOT EXISTS action Nullable(String);
ALTER TABLE fulfilments ADD COLUMN IF NOT EXISTS action Nullable(String);
