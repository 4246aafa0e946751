-- What has been loaded, in place of `ledger`, whose key let the rows of two warehouses replace each
-- other: ranges of offsets, end excluded, of the loads that one warehouse claimed under a number.
-- The claim of a number is an insert with a token, so ClickHouse keeps the first one alone. Rows are
-- written open (closed 0) by the claim and closed after the insert. Number 0: loads of `ledger`.
CREATE TABLE IF NOT EXISTS loads (
    number       UInt64,
    topic        String,
    partition    Int32,
    from_offset  Int64,
    to_offset    Int64,
    load         String,
    closed       UInt8,
    messages     UInt64,
    dead_letters UInt64,
    last_offset    Int64 DEFAULT -1,
    last_timestamp Int64,
    last_checksum  UInt32,
    written_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(closed)
ORDER BY (number, topic, partition, from_offset)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO loads
SELECT 0, topic, partition, from_offset, to_offset, load, closed, messages, dead_letters,
    last_offset, last_timestamp, last_checksum, written_at
FROM ledger FINAL;
