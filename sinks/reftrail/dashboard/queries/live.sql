-- The events that were received last, bots included. Parameter: most UInt32.
SELECT
    type, code, campaign_id, channel, country, user_id, visitor_id, is_bot, amount_micros, currency,
    formatDateTime(received_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS at
FROM v_events
ORDER BY received_at DESC, event_id
LIMIT {most:UInt32}
