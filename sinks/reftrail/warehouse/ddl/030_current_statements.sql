-- Each statement as it is now: its last revision, and the last thing that happened to it.
--
-- is_settling: its lines count as paid, so that no other statement pays them.
CREATE VIEW IF NOT EXISTS current_statements AS
SELECT
    statement_id,
    prepared.1 AS revision,
    prepared.2 AS beneficiary,
    prepared.3 AS currency,
    prepared.4 AS period_from,
    prepared.5 AS period_until,
    prepared.6 AS total_micros,
    prepared.7 AS credits_micros,
    prepared.8 AS debits_micros,
    prepared.9 AS lines,
    prepared.10 AS carried_over,
    prepared.11 AS prepared_by,
    if(changed.number > 0, changed.status, 'prepared') AS status,
    changed.changed_at AS changed_at,
    changed.batch_id AS batch_id,
    changed.number > 0 AND changed.status IN ('approved', 'exported', 'paid') AS is_settling
FROM (
    SELECT
        statement_id,
        argMax(
            tuple(
                revision, beneficiary, currency, period_from, period_until, total_micros,
                credits_micros, debits_micros, lines, carried_over, prepared_by
            ),
            revision
        ) AS prepared
    FROM statements
    GROUP BY statement_id
) AS revisions
LEFT JOIN (
    SELECT
        statement_id,
        max(statement_changes.number) AS number,
        argMax(statement_changes.status, statement_changes.number) AS status,
        argMax(statement_changes.event_time, statement_changes.number) AS changed_at,
        argMax(statement_changes.batch_id, statement_changes.number) AS batch_id
    FROM statement_changes
    GROUP BY statement_id
) AS changed USING (statement_id);
