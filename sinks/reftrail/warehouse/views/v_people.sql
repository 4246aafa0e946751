-- Users who were merged into another, one row each, and the person who they are: person_id is the
-- account that they belong to now, merge after merge. Whoever is in no row is a person by themselves.
--
-- Of several merges of a user the first one in the log counts. Of users who are merged in a circle the
-- person is the one with the lowest id.
SELECT person.1 AS user_id, person.2 AS person_id
FROM (SELECT arrayJoin((SELECT people FROM v_gathered_people)) AS person)
