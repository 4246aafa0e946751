-- Who referred the user, whatever the code: the decision first.
SELECT * FROM attributions FINAL
WHERE user_id = {user:String}
ORDER BY decisive DESC, received_at, event_id
