-- What became of the user's statements, some of it twice.
SELECT formatRowNoNewline(
    'JSONCompactEachRow', 'statement_change', statement_id, number, status,
    toUnixTimestamp64Milli(event_time)
)
FROM statement_changes WHERE beneficiary IN {users:Array(String)}
