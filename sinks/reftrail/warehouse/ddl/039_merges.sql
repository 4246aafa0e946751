-- Merges of users, apart from the other conversions: the view v_people reads them all for each report,
-- and conversions are a thousand times as many. A merge that comes twice is there once, by its event_id.
CREATE TABLE IF NOT EXISTS merges (
    user_id       String,
    merged_into   String,
    cause_offset  Int64,
    event_id      String
)
ENGINE = ReplacingMergeTree
ORDER BY (user_id, event_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
CREATE MATERIALIZED VIEW IF NOT EXISTS merges_of_conversions TO merges AS
SELECT user_id, assumeNotNull(merged_into) AS merged_into, cause_offset, event_id
FROM conversions
WHERE kind = 'users_merged' AND merged_into IS NOT NULL;
INSERT INTO merges
SELECT user_id, assumeNotNull(merged_into), cause_offset, event_id
FROM conversions
WHERE kind = 'users_merged' AND merged_into IS NOT NULL;
