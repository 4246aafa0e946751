-- Orders, one row an order of a person (v_people), with what was paid back of it by now.
--
-- amount_micros is what was paid, refunded_micros what of that came back: by refunds in the order's
-- currency, each counted once under its refund_id (else under its event_id), or by the largest total
-- that a refund reports, whichever is more; besides by disputes that were lost. A refund that names
-- neither amount nor total, and a lost dispute without an amount, is about the whole order.
-- is_first: it is the person's earliest order. The other columns are those of v_signups_and_orders.
WITH
reports AS (
    SELECT
        if(p.person_id = '', e.its_user, p.person_id) AS its_person,
        e.its_order AS its_order,
        countIf(e.type = 'refund' AND reported IS NULL AND total IS NULL) > 0 AS is_all,
        -- By currency and id, with a space between.
        maxMapIf(map(concat(money, ' ', refund), ifNull(reported, 0)), e.type = 'refund' AND reported IS NOT NULL)
            AS single,
        maxMapIf(map(money, ifNull(total, 0)), e.type = 'refund' AND total IS NOT NULL) AS in_all,
        groupUniqArrayIf(dispute, e.type = 'dispute_lost') AS lost,
        maxMapIf(
            map(concat(money, ' ', dispute), ifNull(reported, 0)),
            e.type = 'dispute_lost' AND reported IS NOT NULL
        ) AS lost_parts,
        maxMapIf(
            map(concat(money, ' ', dispute), ifNull(reported, 0)),
            e.type = 'dispute_opened' AND reported IS NOT NULL
        ) AS opened_parts
    FROM (
        SELECT
            type, assumeNotNull(user_id) AS its_user, assumeNotNull(order_id) AS its_order,
            amount_micros AS reported, amount_refunded_micros AS total, ifNull(currency, '') AS money,
            if(refund_id IS NULL, concat('e', event_id), concat('r', assumeNotNull(refund_id)))
                AS refund,
            ifNull(dispute_id, event_id) AS dispute
        FROM v_events
        WHERE type IN ('refund', 'dispute_opened', 'dispute_lost')
            AND user_id IS NOT NULL AND order_id IS NOT NULL
    ) AS e
    LEFT JOIN v_people AS p ON e.its_user = p.user_id
    GROUP BY its_person, its_order
),
matched AS (
    SELECT
        o.person_id AS person_id, o.user_id AS user_id, o.order_id AS order_id,
        o.event_id AS event_id, o.event_time AS event_time, o.received_at AS received_at,
        o.visitor_id AS visitor_id, assumeNotNull(o.amount_micros) AS amount_micros,
        o.net_amount_micros AS net_amount_micros, ifNull(o.currency, '') AS currency,
        o.country AS country, r.is_all AS is_all, r.lost AS lost,
        r.single AS single, r.in_all AS in_all, r.lost_parts AS lost_parts,
        r.opened_parts AS opened_parts, concat(currency, ' ') AS own,
        arrayMap(name -> substring(name, position(name, ' ') + 1), mapKeys(lost_parts)) AS lost_priced,
        arrayMap(name -> substring(name, position(name, ' ') + 1), mapKeys(opened_parts))
            AS opened_priced
    FROM v_signups_and_orders AS o
    LEFT JOIN reports AS r ON o.person_id = r.its_person AND ifNull(o.order_id, '') = r.its_order
    WHERE o.type = 'purchase' AND o.order_id IS NOT NULL AND o.amount_micros IS NOT NULL
),
counted AS (
    SELECT
        matched.*,
        -- What each lost dispute took: -1 for the whole order, -2 for nothing known in its currency.
        arrayFilter(
            part -> part != -2,
            arrayMap(
                id -> multiIf(
                    mapContains(lost_parts, concat(' ', id)) OR mapContains(lost_parts, concat(own, id)),
                    greatest(lost_parts[concat(' ', id)], lost_parts[concat(own, id)]),
                    has(lost_priced, id), -2,
                    mapContains(opened_parts, concat(' ', id))
                    OR mapContains(opened_parts, concat(own, id)),
                    greatest(opened_parts[concat(' ', id)], opened_parts[concat(own, id)]),
                    has(opened_priced, id), -2,
                    -1
                ),
                lost
            )
        ) AS parts,
        arraySum(
            (name, micros) -> if(startsWith(name, ' ') OR startsWith(name, own), micros, 0),
            mapKeys(single), mapValues(single)
        ) AS by_themselves,
        greatest(by_themselves, in_all[''], in_all[currency]) + arraySum(parts) AS part
    FROM matched
)
SELECT
    person_id, user_id, order_id, event_id, event_time, received_at, visitor_id, amount_micros,
    net_amount_micros,
    if(is_all OR has(parts, -1), amount_micros, least(amount_micros, toInt64(part)))
        AS refunded_micros,
    currency, country,
    row_number() OVER (PARTITION BY person_id ORDER BY event_time, event_id) = 1 AS is_first
FROM counted
