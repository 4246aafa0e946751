-- Decisions who referred a user that hold now: decisive ones that none corrects. A user has several
-- only where a campaign lets each of its users be referred in it.
SELECT
    event_id, event_time, received_at, user_id, visitor_id, code, campaign_id, code_evidence, basis,
    touch_event_id, touch_time, signup_event_id, category, channel, corrects, arm,
    utm_source
FROM attributions FINAL
WHERE decisive AND event_id NOT IN (
    SELECT assumeNotNull(corrects) FROM attributions WHERE corrects IS NOT NULL
)
