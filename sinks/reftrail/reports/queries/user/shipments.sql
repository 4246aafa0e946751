-- Rewards of the user that are sent by a carrier, as they stand, the latest first; and what was
-- reported of each.
--
-- A reward's entries are in one partition of the log, in the order in which they were decided; of
-- those decided at once, what ends a reward comes after its grant. Taking a part back leaves a
-- reward where it was.
--
-- Parameters: user, most UInt32.
WITH
sent AS (
    SELECT
        reward_id,
        argMax(
            tuple(status, item, code, user_id, campaign_id, event_time),
            tuple(cause_offset, indexOf(
                ['held', 'granted', 'failed', 'fulfilled', 'expired', 'rejected', 'reversed'], status
            ))
        ) AS latest,
        minIf(event_time, status = 'granted') AS ordered_at
    FROM rewards
    WHERE beneficiary = {user:String} AND assumeNotNull(beneficiary) = {user:String}
      AND kind = 'shipment'
      AND NOT (status = 'reversed' AND has(reasons, 'partly_refunded'))
    GROUP BY reward_id
    HAVING countIf(status = 'granted') > 0
    ORDER BY ordered_at DESC, reward_id
    LIMIT {most:UInt32}
),
reported AS (
    SELECT
        reward_id,
        argMax(
            tuple(carrier, tracking_number, reference, detail),
            tuple(outcome = 'delivered', event_time, event_id)
        ) AS last
    FROM fulfilments
    WHERE reward_id IN (SELECT reward_id FROM sent)
    GROUP BY reward_id
)
SELECT
    s.reward_id AS reward_id, s.latest.1 AS status, s.latest.2 AS item, s.latest.3 AS code,
    s.latest.4 AS user_id, s.latest.5 AS campaign_id, s.ordered_at AS ordered_at,
    s.latest.6 AS since,
    r.last.1 AS carrier, r.last.2 AS tracking_number, r.last.3 AS reference, r.last.4 AS detail
FROM sent AS s LEFT JOIN reported AS r ON s.reward_id = r.reward_id
ORDER BY ordered_at DESC, reward_id
