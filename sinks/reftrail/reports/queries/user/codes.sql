-- Every revision of the codes that were ever some users', of which `page` and `code_page` can't name so many.
--
-- Parameter: owners Array(String), each 'user:ID'.
SELECT line FROM user_page WHERE about IN (
    SELECT item FROM user_page WHERE about IN {owners:Array(String)} AND startsWith(item, 'code:')
)
