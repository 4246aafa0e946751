-- All of the user's entries in the ledger, each with its effect on the balance, and what it makes the
-- user owe, as the last items. One that came twice is there twice, until parts are merged.
SELECT line FROM rewards WHERE beneficiary IN {users:Array(String)}
