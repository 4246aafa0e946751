-- Which installation's topics this warehouse holds: one row a topic, written when it is first read.
CREATE TABLE IF NOT EXISTS sources (
    topic      String,
    full_name  String,
    topic_id   String,
    cluster_id String,
    added_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY topic
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What has been loaded: ranges of offsets, end excluded, that were inserted together under the
-- token load. A range is written open before that insert and closed after it.
CREATE TABLE IF NOT EXISTS ledger (
    topic        String,
    partition    Int32,
    from_offset  Int64,
    to_offset    Int64,
    load         String,
    closed       UInt8,
    messages     UInt64,
    dead_letters UInt64,
    written_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(closed)
ORDER BY (topic, partition, from_offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
