-- Who brought each registered user, computed from the clickstream file alone.
-- $file: the file; the table windows(channel, code, days) says for how long a code's touch counts.
--
-- A touch counts for its window; while it does, no other touch replaces it; the first one after
-- it ran out takes its place. periods follows these from one to the next for each user.
WITH RECURSIVE
pages AS (
    SELECT row_number() OVER () AS row, *
    FROM read_csv($file, header = true, parallel = false)
),
signups AS (
    SELECT user_id, min(timestamp) AS signed_up_at
    FROM pages
    WHERE event IN ('account_page', 'shipping_details')
    GROUP BY user_id
),
arrivals AS (
    SELECT user_id, acquisition_channel, row, timestamp
    FROM pages
    QUALIFY row_number() OVER (PARTITION BY session_id ORDER BY timestamp, row) = 1
),
touches AS (
    SELECT user_id, row, timestamp AS touched_at, code, timestamp + to_days(days) AS until, 0 AS nth
    FROM arrivals JOIN windows ON channel = acquisition_channel
    UNION ALL
    SELECT user_id, row, timestamp, code, timestamp + to_days(days), 1
    FROM pages JOIN windows ON channel = event
),
periods AS (
    SELECT user_id, code, touched_at, until
    FROM touches
    QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY touched_at, row, nth) = 1
    UNION ALL
    SELECT later.user_id, later.code, later.touched_at, later.until
    FROM periods
    JOIN touches AS later
        ON later.user_id = periods.user_id AND later.touched_at > periods.until
    QUALIFY row_number() OVER (
        PARTITION BY later.user_id ORDER BY later.touched_at, later.row, later.nth
    ) = 1
)
SELECT signups.user_id, periods.code, epoch_ms(periods.touched_at) AS touch_time
FROM signups
JOIN periods
    ON periods.user_id = signups.user_id
    AND signed_up_at BETWEEN periods.touched_at AND periods.until
ORDER BY signups.user_id
