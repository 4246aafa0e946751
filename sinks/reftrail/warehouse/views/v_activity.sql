-- Facts that reports count, one row each, with the dimensions under which each one counts.
--
-- kind            at                   belongs to
-- view, click,    its time             the code, campaign, category and channel that the event
-- form_started                         names; bots are left out
-- signup          its time             the code that its user is attributed to, else to none; once a
--                                      person: a user, or those who were merged into one
-- purchase        its time             the same; once an order of a person
-- attributed      the user's signup    the code that the user is attributed to
-- late_touch      the user's signup    the code of a touch that came too late to change anything
-- merged          the user's signup    the code of an attribution that ended: its user was merged
--                                      with another, who signed up earlier
-- reward          the action that it   what its ledger entry names
--                 was decided for
-- adjustment      when it was asked    the same; approved, where it needed that
--                 for
--
-- beneficiary, of a reward or adjustment: the person. to_owner: this person owns the code. signed_up, of a click: its visitor signed up, not before it,
-- and the user is attributed to the click's code (without a code: to none). hours, of an attribution:
-- from the touch to the signup.
-- Rewards are worth what v_reward_balances says, and have its status; has_value: not held, rejected,
-- reversed, failed or expired.
--
-- person_id is who signed up, bought or was referred, '' where nobody is known. has_bought, of a
-- signup: the person has an order. is_first, amount_micros, refunded_micros, currency, of a purchase:
-- as in v_orders.
--
-- Where a campaign, category or channel is missing, it is that of the code as it is registered
-- now, else (the category) that of the campaign's newest version. country is that of the event; of what
-- else is about a user, that of the person's signup. utm_source is that of the event; of signups, orders,
-- attributions and rewards, that of the touch or signup by which the user is attributed.
--
-- It is made of its parts, so that a report which needs only some of them isn't planned with the others.
SELECT * FROM v_activity_visits
UNION ALL
SELECT * FROM v_activity_conversions
UNION ALL
SELECT * FROM v_activity_decisions
