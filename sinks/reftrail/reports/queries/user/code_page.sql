-- What is known of some codes and campaigns, see `page`: with the decisions that the codes referred a user, so
-- many at most, and which of these were corrected since. Of twice as many it is looked at: some are there twice.
--
-- Parameters: about Array(String), 'decisions:CODE' among them; decided Array(String), only these; most UInt32.
SELECT line FROM user_page
WHERE about IN {about:Array(String)} OR about IN (
    SELECT concat('corrected:', item) FROM user_page WHERE about IN {decided:Array(String)}
    LIMIT 2 * {most:UInt32}
)
LIMIT {most:UInt32} BY if(startsWith(about, 'decisions:'), '', concat(about, ' ', item))
