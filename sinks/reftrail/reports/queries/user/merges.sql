-- The merges of some users, and of those who were merged into them.
--
-- Parameter: users Array(String).
SELECT formatRowNoNewline('JSONCompactEachRow', 'merge', user_id, merged_into, cause_offset, event_id)
FROM merges
WHERE user_id != merged_into
    AND (user_id IN {users:Array(String)} OR merged_into IN {users:Array(String)})
