-- What tells the last record of a range from another one that may stand at its offset some day.
-- last_offset is -1 where the range has no record, or was loaded before this was noted.
ALTER TABLE ledger
    ADD COLUMN IF NOT EXISTS last_offset Int64 DEFAULT -1,
    ADD COLUMN IF NOT EXISTS last_timestamp Int64,
    ADD COLUMN IF NOT EXISTS last_checksum UInt32;
