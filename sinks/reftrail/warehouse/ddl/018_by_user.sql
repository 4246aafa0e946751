-- What the view of one user looks up in tables that have another order. A projection stands in the
-- part whose rows it has: it is there with them or not at all. FINAL doesn't read it: what is found
-- in it are the rows of every insert, those that came twice and those since replaced among them.
ALTER TABLE codes MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE codes ADD PROJECTION IF NOT EXISTS by_owner (
    SELECT code, owner_user_id ORDER BY assumeNotNull(owner_user_id), code
);
ALTER TABLE codes MATERIALIZE PROJECTION by_owner;
ALTER TABLE attributions MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE attributions ADD PROJECTION IF NOT EXISTS by_code (
    SELECT code, user_id, event_id, decisive ORDER BY code, user_id
);
ALTER TABLE attributions MATERIALIZE PROJECTION by_code;
ALTER TABLE attributions ADD PROJECTION IF NOT EXISTS by_corrected (
    SELECT corrects ORDER BY assumeNotNull(corrects)
);
ALTER TABLE attributions MATERIALIZE PROJECTION by_corrected;
