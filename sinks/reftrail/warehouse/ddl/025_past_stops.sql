-- What version 2 of CodeChanged adds: the times in which a code had ended by its status before.
ALTER TABLE codes ADD COLUMN IF NOT EXISTS past_stops Nullable(String);
