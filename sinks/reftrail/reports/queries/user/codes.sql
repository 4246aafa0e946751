-- The codes that were ever the user's, as they stand. Those of nobody are under ''.
SELECT facts FROM codes FINAL WHERE code IN (
    SELECT code FROM codes
    WHERE assumeNotNull(owner_user_id) IN {users:Array(String)}
)
