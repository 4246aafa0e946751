-- Each milestone that the user ever reached, as it stands: in the order of the log, whose positions
-- are those of one partition.
SELECT campaign_id, name, last.1 AS kind, last.2 AS grants, last.3 AS reached
FROM (
    SELECT campaign_id, name, argMax(tuple(kind, grants, reached), cause_offset) AS last
    FROM milestones
    WHERE beneficiary = {user:String}
    GROUP BY campaign_id, name
)
ORDER BY campaign_id, grants DESC, name
