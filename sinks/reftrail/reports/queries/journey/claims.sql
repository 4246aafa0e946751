-- What the user did that might have earned a reward under the code.
SELECT * FROM claims FINAL
WHERE code = {code:String} AND user_id = {user:String}
ORDER BY event_time, event_id
