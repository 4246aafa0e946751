-- Each version of each campaign's rules.
CREATE TABLE IF NOT EXISTS campaigns (
    event_id               String,
    event_time             DateTime64(3, 'UTC'),
    received_at            DateTime64(3, 'UTC'),
    campaign_id            String,
    version                Int32,
    effective_from         DateTime64(3, 'UTC'),
    name                   String,
    category               Nullable(String),
    starts_at              Nullable(DateTime64(3, 'UTC')),
    ends_at                Nullable(DateTime64(3, 'UTC')),
    attribution_window_ms  Int64,
    counts_views           Bool,
    typed_code_wins        Bool,
    late_touch_grace_ms    Int64,
    trigger                String,
    minimum_amount_micros  Int64,
    referrer_reward_micros Int64,
    referrer_reward_kind   String,
    referee_reward_micros  Int64,
    referee_reward_kind    String,
    reward_currency        String,
    referrer_reward_item   Nullable(String),
    referee_reward_item    Nullable(String),
    policy                 Nullable(String)
)
ENGINE = ReplacingMergeTree(event_time)
ORDER BY (campaign_id, version)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
