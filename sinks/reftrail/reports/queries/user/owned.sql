-- The codes that were ever the user's.
SELECT DISTINCT code FROM codes
WHERE owner_user_id = {user:String} AND assumeNotNull(owner_user_id) = {user:String}
