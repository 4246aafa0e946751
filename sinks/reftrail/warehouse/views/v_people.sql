-- Users who were merged into another, one row each, and the person who they are: person_id is the
-- account that they belong to now, merge after merge. Whoever is in no row is a person by themselves.
--
-- Of several merges of a user the first one in the log counts. Of users who are merged in a circle the
-- person is the one with the lowest id.
--
-- The merges are gathered in one value, which a query reads once, however often it names this view.
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
SELECT
    e.guest AS user_id,
    if(
        m.account = '',
        e.trail[-1],
        arraySort(arraySlice(e.trail, indexOf(e.trail, m.account)))[1]
    ) AS person_id
FROM ended AS e LEFT JOIN known AS m ON m.guest = e.trail[-1]
