-- Signups, purchases and refunds with the touch that they count for.
CREATE TABLE IF NOT EXISTS conversions (
    event_id            String,
    event_time          DateTime64(3, 'UTC'),
    received_at         DateTime64(3, 'UTC'),
    cause_topic         String,
    cause_partition     Int32,
    cause_offset        Int64,
    cause_event_id      String,
    rules               String,
    kind                String,
    user_id             String,
    visitor_id          Nullable(String),
    conversion_event_id String,
    order_id            Nullable(String),
    amount_micros       Nullable(Int64),
    currency            Nullable(String),
    typed_code          Nullable(String),
    typed_code_known    Nullable(Bool),
    typed_code_evidence Nullable(String),
    typed_campaign_id   Nullable(String),
    typed_category      Nullable(String),
    touch_event_id      Nullable(String),
    touch_time          Nullable(DateTime64(3, 'UTC')),
    touch_type          Nullable(String),
    touch_code          Nullable(String),
    touch_code_evidence Nullable(String),
    touch_campaign_id   Nullable(String),
    touch_category      Nullable(String),
    touch_channel       Nullable(String),
    arrived_at          Nullable(DateTime64(3, 'UTC')),
    signed_up_at        Nullable(DateTime64(3, 'UTC')),
    country             Nullable(String),
    channel             Nullable(String),
    source              Nullable(String),
    device_hash         Nullable(String),
    ip_hash             Nullable(String),
    network_hash        Nullable(String),
    email_hash          Nullable(String),
    email_disposable    Nullable(Bool),
    hash_key_id         Nullable(String),
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(17592186044416 - toUnixTimestamp64Milli(received_at)), 20),
        bitAnd(cityHash64(cause_topic, cause_partition, cause_offset), 1048575)
    )
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
