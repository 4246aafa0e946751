-- Rewards as they are now, one row each: the view reward_balances, under its documented name.
SELECT * FROM reward_balances
