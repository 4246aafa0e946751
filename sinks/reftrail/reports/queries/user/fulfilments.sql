-- What was reported of some rewards.
--
-- Parameters: shipped_by and rewards, Array(String): the rewards and their codes.
SELECT report FROM fulfilments
WHERE code IN {shipped_by:Array(String)} AND reward_id IN {rewards:Array(String)}
