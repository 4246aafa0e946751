-- Arms of experiments: of which arm each touch was, and that of each attribution.
--
-- touches keeps the touch of a visitor that counts now. A later one, maybe under another campaign,
-- replaces it, so touches with an arm are kept here too: each once by its event_id.
CREATE TABLE IF NOT EXISTS touched_arms (
    campaign_id  String,
    visitor_id   String,
    event_id     String,
    event_time   DateTime64(3, 'UTC'),
    code         String,
    arm          String
)
ENGINE = ReplacingMergeTree
ORDER BY (campaign_id, visitor_id, event_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE MATERIALIZED VIEW IF NOT EXISTS touched_arms_of_touches TO touched_arms AS
SELECT
    assumeNotNull(campaign_id) AS campaign_id, visitor_id, event_id, event_time, code,
    assumeNotNull(arm) AS arm
FROM touches
WHERE arm IS NOT NULL AND campaign_id IS NOT NULL;
INSERT INTO touched_arms
SELECT assumeNotNull(campaign_id), visitor_id, event_id, event_time, code, assumeNotNull(arm)
FROM touches
WHERE arm IS NOT NULL AND campaign_id IS NOT NULL;

-- The decisions who referred a user that hold now, as `019_balances.sql` says, with their arms.
CREATE OR REPLACE VIEW current_attributions AS
SELECT
    event_id, event_time, received_at, user_id, visitor_id, code, campaign_id, code_evidence, basis,
    touch_event_id, touch_time, signup_event_id, category, channel, corrects, arm
FROM attributions FINAL
WHERE decisive AND event_id NOT IN (
    SELECT assumeNotNull(corrects) FROM attributions WHERE corrects IS NOT NULL
);
