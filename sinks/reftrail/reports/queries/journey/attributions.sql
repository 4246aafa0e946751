-- Who referred the user, or others who are one person with the user, whatever the code: the
-- decision first.
SELECT * FROM attributions FINAL
WHERE user_id IN (
    SELECT {user:String}
    UNION ALL
    SELECT person_id FROM v_people WHERE user_id = {user:String}
    UNION ALL
    SELECT user_id FROM v_people WHERE person_id IN (
        SELECT {user:String}
        UNION ALL
        SELECT person_id FROM v_people WHERE user_id = {user:String}
    )
)
ORDER BY decisive DESC, received_at, event_id
