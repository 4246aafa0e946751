-- The code as it is registered now.
SELECT * FROM codes FINAL WHERE code = {code:String}
