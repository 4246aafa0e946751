-- Of a large message only the beginning is in its dead letter; size and hash are those of all of it.
ALTER TABLE dead_letters
    ADD COLUMN IF NOT EXISTS payload_size Nullable(Int64),
    ADD COLUMN IF NOT EXISTS payload_sha256 Nullable(String);
