-- The spelling under which a code is registered: no row if it isn't. The case of letters doesn't
-- distinguish codes; of several in a log that an older version wrote, the one asked for.
--
-- Parameters: code String, as it was typed, and form String, its canonical form.
SELECT code FROM codes
WHERE upper(code) = {form:String}
ORDER BY code = {code:String} DESC, code
LIMIT 1
