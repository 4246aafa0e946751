-- Signups, one row a person, and purchases, one row an order of a person. A person is a user, or all
-- that were merged into one (v_people). Of several events for the same signup or order of a user the
-- one received first counts; of the signups of merged users, the earliest.
--
-- type: signup or purchase. order_id is null for a signup. The other columns are those of the event,
-- user_id that of the user who reported it.
SELECT
    type,
    first.1 AS user_id,
    its_order AS order_id,
    first.2.1 AS event_id,
    first.2.2 AS event_time,
    first.2.3 AS received_at,
    first.2.4 AS visitor_id,
    first.2.5 AS amount_micros,
    first.2.6 AS net_amount_micros,
    first.2.7 AS currency,
    first.2.8 AS country,
    person_id
FROM (
    SELECT
        r.type AS type,
        r.its_order AS its_order,
        if(p.person_id = '', r.its_user, p.person_id) AS person_id,
        argMin(tuple(r.its_user, r.received), tuple(r.at, r.its_id)) AS first
    FROM (
        SELECT
            type,
            assumeNotNull(user_id) AS its_user,
            if(type = 'purchase', order_id, NULL) AS its_order,
            argMin(
                tuple(
                    event_id, event_time, received_at, visitor_id, amount_micros,
                    net_amount_micros, currency, country
                ),
                tuple(received_at, event_id)
            ) AS received,
            received.1 AS its_id,
            received.2 AS at
        FROM (SELECT * FROM v_events WHERE type IN ('signup', 'purchase'))
        GROUP BY type, its_user, its_order
    ) AS r
    LEFT JOIN v_people AS p ON r.its_user = p.user_id
    GROUP BY type, its_order, person_id
)
