-- The statements of what was paid out to the user: each with its last revision and last change.
SELECT formatRowNoNewline(
    'JSONCompactEachRow', 'statement', statement_id, prepared.1, prepared.2, prepared.3, prepared.4,
    prepared.5, if(number > 0, status, 'prepared'), if(number > 0, changed_ms, prepared.6)
)
FROM (
    SELECT statement_id, argMax(
        tuple(
            currency, toUnixTimestamp64Milli(period_from), toUnixTimestamp64Milli(period_until),
            total_micros, carried_over, toUnixTimestamp64Milli(event_time)
        ),
        revision
    ) AS prepared
    FROM statements WHERE beneficiary IN {users:Array(String)}
    GROUP BY statement_id
) AS revisions
LEFT JOIN (
    SELECT
        statement_id,
        max(statement_changes.number) AS number,
        argMax(statement_changes.status, statement_changes.number) AS status,
        argMax(toUnixTimestamp64Milli(event_time), statement_changes.number) AS changed_ms
    FROM statement_changes WHERE beneficiary IN {users:Array(String)}
    GROUP BY statement_id
) AS changed USING (statement_id)
