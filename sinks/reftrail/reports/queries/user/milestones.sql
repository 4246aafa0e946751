-- What happened to each milestone that the user ever reached. Positions are those of one partition.
SELECT formatRowNoNewline(
    'JSONCompactEachRow', 'milestone', beneficiary, campaign_id, name, kind, grants, reached, cause_offset
)
FROM milestones WHERE beneficiary IN {users:Array(String)}
