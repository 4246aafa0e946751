-- What version 2 of Event, Touched and Converted adds: the client's own word on the campaign, the kind
-- of key, how far the sender's clock was off, and the signals of a touch beside its conversion's.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS client_campaign_id Nullable(String),
    ADD COLUMN IF NOT EXISTS key_kind Nullable(String),
    ADD COLUMN IF NOT EXISTS clock_skew_ms Nullable(Int64);
ALTER TABLE touches
    ADD COLUMN IF NOT EXISTS network_hash Nullable(String),
    ADD COLUMN IF NOT EXISTS key_kind Nullable(String);
ALTER TABLE conversions
    ADD COLUMN IF NOT EXISTS touch_received_at Nullable(DateTime64(3, 'UTC')),
    ADD COLUMN IF NOT EXISTS touch_key_kind Nullable(String),
    ADD COLUMN IF NOT EXISTS touch_device_hash Nullable(String),
    ADD COLUMN IF NOT EXISTS touch_ip_hash Nullable(String),
    ADD COLUMN IF NOT EXISTS touch_network_hash Nullable(String);
