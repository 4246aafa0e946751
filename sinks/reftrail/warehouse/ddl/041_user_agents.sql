-- What version 5 of Event adds: browser, system and class of device, by names that many share. Versions
-- before it kept the user agent as it came. It identifies people, so the column goes, with its contents;
-- of older records that are loaded later ClickHouse skips the field, as the table has none of its name.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS user_agent_family Nullable(String),
    ADD COLUMN IF NOT EXISTS user_agent_os Nullable(String),
    ADD COLUMN IF NOT EXISTS device_class Nullable(String),
    DROP COLUMN IF EXISTS user_agent;
ALTER TABLE duplicate_events
    ADD COLUMN IF NOT EXISTS user_agent_family Nullable(String),
    ADD COLUMN IF NOT EXISTS user_agent_os Nullable(String),
    ADD COLUMN IF NOT EXISTS device_class Nullable(String),
    DROP COLUMN IF EXISTS user_agent;
