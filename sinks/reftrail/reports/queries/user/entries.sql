-- All of the user's entries in the ledger. One that came twice is there twice, until parts are merged.
SELECT entry FROM rewards WHERE beneficiary = {user:String}
