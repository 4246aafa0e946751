-- Things that must agree between two places, one row each: how many there are by the one, and by the other.
--
-- check                at                      expected                     found
-- events_stored        the load's closing      messages of a load that      rows of events and of duplicates that
--                                              are no dead letters          came in with it
-- grants_ordered       the ledger's entry      an entry that orders a       the order under its id
--                                              delivery
-- orders_granted       the order               an order to deliver          the ledger's entry under its id
-- deliveries_entered   the first report        a reward that a partner      1 if the ledger has an entry for it: fulfilled,
--                                              has delivered                or delivered after it was taken back
-- entries_delivered    the ledger's entry      a reward that the ledger     1 if a partner has reported it
--                                              calls fulfilled
--
-- id names the load, entry, order or reward. The dimensions of reports are null. What was loaded before
-- events had the number of their load, which is since DDL file 036, is left out.
SELECT
    c.check AS check, c.at AS at, c.id AS id, c.expected AS expected, c.found AS found,
    c.nothing AS campaign_id, c.nothing AS category, c.nothing AS channel, c.nothing AS utm_source,
    c.nothing AS code,
    c.nothing AS country, c.nothing AS currency
FROM (
    SELECT
        CAST(NULL, 'Nullable(String)') AS nothing, 'events_stored' AS check, l.at AS at, concat('load ', toString(l.number)) AS id,
        l.expected AS expected, toInt64(ifNull(r.stored, 0)) AS found
    FROM (
        SELECT
            number, min(written_at) AS at, toInt64(sum(messages)) - toInt64(sum(dead_letters)) AS expected
        FROM loads FINAL
        WHERE topic = 'events' AND closed = 1
        GROUP BY number
        HAVING min(written_at) >= (
            SELECT max(applied_at) FROM ddl_applied WHERE name = '036_events_by_campaign.sql'
        )
    ) AS l
    LEFT JOIN (
        SELECT load, count() AS stored
        FROM (SELECT load FROM events UNION ALL SELECT load FROM duplicate_events)
        GROUP BY load
    ) AS r ON l.number = r.load
    UNION ALL
    SELECT NULL, 'grants_ordered', e.event_time, e.event_id, toInt64(1), toInt64(o.order_id != '')
    FROM (
        SELECT event_time, event_id FROM v_rewards
        WHERE value_micros > 0
            AND NOT hasAny(reasons, ['delivered_in_time', 'already_delivered'])
            AND (status = 'granted' OR status = 'adjusted' AND kind NOT IN ('code', 'shipment'))
    ) AS e
    LEFT JOIN (SELECT event_id AS order_id FROM reward_granted FINAL) AS o ON e.event_id = o.order_id
    UNION ALL
    SELECT NULL, 'orders_granted', o.event_time, o.event_id, toInt64(1), toInt64(e.entry_id != '')
    FROM (SELECT event_time, event_id FROM reward_granted FINAL) AS o
    LEFT JOIN (
        SELECT event_id AS entry_id FROM v_rewards WHERE v_rewards.status IN ('granted', 'adjusted')
    ) AS e
        ON o.event_id = e.entry_id
    UNION ALL
    SELECT NULL, 'deliveries_entered', d.at, d.its_reward, toInt64(1), toInt64(e.entered != '')
    FROM (
        SELECT reward_id AS its_reward, min(event_time) AS at FROM fulfilments FINAL
        WHERE outcome = 'delivered'
        GROUP BY its_reward
    ) AS d
    LEFT JOIN (
        SELECT DISTINCT reward_id AS entered FROM v_rewards
        WHERE v_rewards.status = 'fulfilled' OR has(reasons, 'delivered_anyway')
    ) AS e ON d.its_reward = e.entered
    UNION ALL
    SELECT NULL, 'entries_delivered', e.at, e.its_reward, toInt64(1), toInt64(d.reported != '')
    FROM (
        SELECT reward_id AS its_reward, min(event_time) AS at FROM v_rewards
        WHERE v_rewards.status = 'fulfilled'
        GROUP BY its_reward
    ) AS e
    LEFT JOIN (
        SELECT DISTINCT reward_id AS reported FROM fulfilments WHERE outcome = 'delivered'
    ) AS d ON e.its_reward = d.reported
) AS c
