-- The code as it is registered now.
SELECT * FROM v_codes WHERE code = {code:String}
