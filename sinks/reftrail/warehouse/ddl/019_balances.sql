-- What each ledger entry adds to its beneficiary's balance: stated here, and nowhere else in the
-- warehouse. granted adds its value, also where it grants again what had failed or expired; reversed
-- (in whole or in part), failed and expired take theirs away; held, rejected and fulfilled change
-- nothing.
ALTER TABLE rewards ADD COLUMN IF NOT EXISTS effect_micros Int64 MATERIALIZED multiIf(
    status = 'granted', value_micros,
    status IN ('reversed', 'failed', 'expired'), -value_micros,
    toInt64(0)
);
ALTER TABLE rewards MATERIALIZE COLUMN effect_micros;

-- The decisions who referred a user that hold now: those that were not corrected since. A user has
-- several only where a campaign lets each of its users be referred in it.
CREATE VIEW IF NOT EXISTS current_attributions AS
SELECT
    event_id, event_time, received_at, user_id, visitor_id, code, campaign_id, code_evidence, basis,
    touch_event_id, touch_time, signup_event_id, category, channel, corrects
FROM attributions FINAL
WHERE decisive AND event_id NOT IN (
    SELECT assumeNotNull(corrects) FROM attributions WHERE corrects IS NOT NULL
);
