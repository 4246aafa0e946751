-- Codes as they are registered now, one row each.
SELECT * FROM codes FINAL
