-- All of the user's entries in the ledger, each with its effect on the balance, and what it makes the
-- user owe, as the last items. One that came twice is there twice, until parts are merged.
SELECT concat(substring(entry, 1, length(entry) - 1), ',', toString(effect_micros), ',',
    toString(ifNull(clawback_micros, 0)), ']')
FROM rewards WHERE beneficiary IN {users:Array(String)}
