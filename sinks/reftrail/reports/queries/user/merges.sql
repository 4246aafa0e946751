-- The merges of some users, and every merge of those who were ever merged into one of them.
--
-- Parameter: users Array(String).
SELECT formatRowNoNewline('JSONCompactEachRow', 'merge', user_id, merged_into, cause_offset, event_id)
FROM merges
WHERE user_id != merged_into AND (
    user_id IN {users:Array(String)}
    OR user_id IN (SELECT user_id FROM merges WHERE merged_into IN {users:Array(String)})
)
