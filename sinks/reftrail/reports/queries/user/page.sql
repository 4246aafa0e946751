-- What else is known about some users, codes and campaigns: merges, codes that were ever theirs, milestones,
-- statements and their changes; revisions of a code; versions of a policy. Some of it is there twice, and so
-- are revisions that were replaced since.
--
-- Parameter: about Array(String), each 'user:ID', 'code:CODE' or 'campaign:ID'.
SELECT line FROM user_page WHERE about IN {about:Array(String)}
