-- What version 2 of CodeChanged adds: the times in which a code had ended by its status before.
ALTER TABLE codes ADD COLUMN IF NOT EXISTS past_stops Nullable(String);

-- When an action was decided on, where that is later than the times of its entry.
ALTER TABLE rewards ADD COLUMN IF NOT EXISTS decided_at Nullable(DateTime64(3, 'UTC'));
ALTER TABLE milestones ADD COLUMN IF NOT EXISTS decided_at Nullable(DateTime64(3, 'UTC'));
