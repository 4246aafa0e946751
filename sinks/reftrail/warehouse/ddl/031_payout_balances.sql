-- What statements settle of each reward: the lines of those that were approved and didn't fail.
--
-- settled_micros less than a reward's balance is to be paid, more is to be taken back.
CREATE VIEW IF NOT EXISTS statement_settlements AS
SELECT
    lines.reward_id AS reward_id,
    any(lines.beneficiary) AS beneficiary,
    any(lines.currency) AS currency,
    sum(lines.amount_micros) AS settled_micros
FROM (
    SELECT DISTINCT line_id, statement_id, revision, reward_id, beneficiary, currency, amount_micros
    FROM statement_lines
) AS lines
INNER JOIN current_statements AS statements
    ON lines.statement_id = statements.statement_id AND lines.revision = statements.revision
WHERE statements.is_settling
GROUP BY lines.reward_id;
