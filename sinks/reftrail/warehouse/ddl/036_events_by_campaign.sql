-- Events ordered by what reports ask for. A message under a key (event_id, type, kind of API key) that
-- is known already is found before it is stored (`duplicates.py`), and is in duplicate_events: so each
-- key is in events once, and needs neither FINAL nor care when rows are added up.
--
-- load is the number in `loads` of the load that an event came in with, 0 for those from before.
-- by_event_id finds the events of an id. hourly is a rollup by the hour, which ClickHouse reads where
-- a query asks for no more than it has; a projection is in the part of its rows, so it has all of
-- them or none. A copy that was interrupted is made again from the beginning.
DROP TABLE IF EXISTS events_by_campaign SETTINGS max_table_size_to_drop = 0;
CREATE TABLE events_by_campaign (
    event_id         String,
    type             String,
    event_time       DateTime64(3, 'UTC'),
    received_at      DateTime64(3, 'UTC'),
    visitor_id       Nullable(String),
    user_id          Nullable(String),
    code             Nullable(String),
    code_known       Nullable(Bool),
    code_evidence    Nullable(String),
    campaign_id      Nullable(String),
    category         Nullable(String),
    channel          Nullable(String),
    source           Nullable(String),
    device_hash      Nullable(String),
    ip_hash          Nullable(String),
    network_hash     Nullable(String),
    email_hash       Nullable(String),
    email_disposable Nullable(Bool),
    hash_key_id      Nullable(String),
    user_agent       Nullable(String),
    is_bot           Bool,
    country          Nullable(String),
    order_id         Nullable(String),
    amount_micros    Nullable(Int64),
    currency         Nullable(String),
    properties       Nullable(String),
    client_campaign_id Nullable(String),
    key_kind           Nullable(String),
    clock_skew_ms      Nullable(Int64),
    refund_id              Nullable(String),
    amount_refunded_micros Nullable(Int64),
    net_amount_micros      Nullable(Int64),
    tax_micros             Nullable(Int64),
    shipping_micros        Nullable(Int64),
    dispute_id             Nullable(String),
    merged_into            Nullable(String),
    load UInt64,
    PROJECTION by_event_id (SELECT event_id, type, key_kind, load ORDER BY event_id),
    PROJECTION hourly (
        SELECT
            campaign_id, toStartOfHour(event_time), code, category, channel, country, type, is_bot,
            count()
        GROUP BY
            campaign_id, toStartOfHour(event_time), code, category, channel, country, type, is_bot
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (campaign_id, toStartOfHour(event_time), code)
SETTINGS allow_nullable_key = 1, lightweight_mutation_projection_mode = 'rebuild',
    non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
INSERT INTO events_by_campaign
SELECT
    event_id, type, event_time, received_at, visitor_id, user_id, code, code_known, code_evidence,
    campaign_id, category, channel, source, device_hash, ip_hash, network_hash, email_hash,
    email_disposable, hash_key_id, user_agent, is_bot, country, order_id, amount_micros, currency,
    properties, client_campaign_id, key_kind, clock_skew_ms, refund_id, amount_refunded_micros,
    net_amount_micros, tax_micros, shipping_micros, dispute_id, merged_into, 0
FROM events
SETTINGS final = 1;
EXCHANGE TABLES events AND events_by_campaign;
DROP TABLE events_by_campaign SETTINGS max_table_size_to_drop = 0;
CREATE TABLE IF NOT EXISTS duplicate_events
ENGINE = MergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (event_id, load)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
EMPTY AS SELECT * FROM events;
