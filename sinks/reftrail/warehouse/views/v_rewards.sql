-- Ledger of rewards, one row an entry. effect_micros is what the entry adds to the balance.
SELECT *, effect_micros FROM rewards FINAL
