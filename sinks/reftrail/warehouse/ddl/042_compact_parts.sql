-- Parts of less than 256 MiB before compression (600,000 events, a million touches) keep their columns in one
-- file. With a file for each column, as from 10 MiB on by default, an insert of 50,000 events opened and synced
-- 236 files, which took a third of its processor time.
ALTER TABLE events MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE duplicate_events MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE touches MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE touched_arms MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE conversions MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE claims MODIFY SETTING min_bytes_for_wide_part = 268435456;
