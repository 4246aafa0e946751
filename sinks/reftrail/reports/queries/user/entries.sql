-- All of the user's entries in the ledger, each with its effect on the balance as the last item. One
-- that came twice is there twice, until parts are merged.
SELECT concat(substring(entry, 1, length(entry) - 1), ',', toString(effect_micros), ']')
FROM rewards WHERE beneficiary = {user:String}
