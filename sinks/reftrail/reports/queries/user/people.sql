-- The users who are one person with a user, by merges; none if the user is a person alone.
SELECT formatRowNoNewline('JSONCompactEachRow', 'member', user_id, person_id) FROM v_people
WHERE person_id IN (
    SELECT {user:String}
    UNION ALL
    SELECT person_id FROM v_people WHERE user_id = {user:String}
)
