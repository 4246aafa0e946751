-- What the rewards of each arm cost, in each currency: what they are worth now, of the users that
-- `arms.sql` counts. Bonuses for milestones belong to no arm.
--
-- Parameters: as those of `arms.sql`.
WITH users AS (
    SELECT user_id, assumeNotNull(arm) AS its_arm
    FROM v_current_attributions
    WHERE campaign_id = {campaign:String} AND arm IS NOT NULL
      AND touch_time >= {begun:DateTime64(3, 'UTC')}
      AND touch_time >= {since:DateTime64(3, 'UTC')} AND touch_time < {until:DateTime64(3, 'UTC')}
    ORDER BY event_time, event_id
    LIMIT 1 BY user_id
)
SELECT u.its_arm AS arm, r.currency AS currency, sum(r.balance_micros) AS cost_micros
FROM v_reward_balances AS r
INNER JOIN users AS u ON r.user_id = u.user_id
WHERE r.campaign_id = {campaign:String} AND r.role IN ('referrer', 'referee') AND r.is_granted
GROUP BY arm, currency
ORDER BY arm, currency
