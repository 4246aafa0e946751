-- The statements of what was paid out to the user, a row a revision, some of them twice.
SELECT formatRowNoNewline(
    'JSONCompactEachRow', 'statement', statement_id, revision, currency, toUnixTimestamp64Milli(period_from),
    toUnixTimestamp64Milli(period_until), total_micros, carried_over, toUnixTimestamp64Milli(event_time)
)
FROM statements WHERE beneficiary IN {users:Array(String)}
