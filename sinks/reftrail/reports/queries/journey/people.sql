-- The users who are one person with the user by merges, but for the account; none without a merge.
SELECT user_id, person_id FROM v_people
WHERE person_id IN (
    SELECT {user:String}
    UNION ALL
    SELECT person_id FROM v_people WHERE user_id = {user:String}
)
ORDER BY user_id
