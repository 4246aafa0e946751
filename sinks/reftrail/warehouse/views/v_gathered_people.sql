-- All users who were merged into another, in one row with one value: pairs of user_id and person_id, as
-- in v_people, which says what they mean and gives a row for each.
--
-- ClickHouse takes 10 to 20 ms to plan how it follows merges, but it plans and reads the only value of
-- another view once in a query, however often views that are read there name it.
WITH RECURSIVE
known AS (
    SELECT merge.1 AS guest, merge.2 AS account
    FROM (
        SELECT arrayJoin((
            SELECT groupArray(tuple(its_guest, its_account)) FROM (
                SELECT
                    user_id AS its_guest,
                    argMin(merged_into, tuple(cause_offset, event_id)) AS its_account
                FROM merges
                WHERE user_id != merged_into
                GROUP BY its_guest
            )
        )) AS merge
    )
),
walked AS (
    SELECT guest, account AS reached, [guest, account] AS trail FROM known
    UNION ALL
    SELECT w.guest, m.account, arrayPushBack(w.trail, m.account)
    FROM walked AS w INNER JOIN known AS m ON w.reached = m.guest
    WHERE NOT has(w.trail, m.account)
),
ended AS (
    SELECT guest, argMax(walked.trail, length(walked.trail)) AS trail FROM walked GROUP BY guest
)
SELECT groupArray(tuple(
    e.guest,
    if(
        m.account = '',
        e.trail[-1],
        arraySort(arraySlice(e.trail, indexOf(e.trail, m.account)))[1]
    )
)) AS people
FROM ended AS e LEFT JOIN known AS m ON m.guest = e.trail[-1]
