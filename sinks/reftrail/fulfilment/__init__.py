"""Fulfilment: carries out each order on `reward-granted` once, and reports the outcome.

Input: `reward-granted`, read committed: orders, and withdrawals of orders whose rewards were
reversed. The processes of a group share its partitions. Output: `fulfilments`, and `dead-letters`
for what can't be read or was refused. Guarantee: killed at any point, an order is asked again under
the same idempotency key, its outcome is reported once, and what was withdrawn before isn't asked.

Read in this order: `answers` (what asking somebody to fulfil may come to), `signature`, `asking`,
`webhook`, `shipment`, `pool` (who is asked for which kind), `schedule`, `judgement` (what follows
from an answer), `tables`, `database`, `journal` (what is known for sure), `reports` (what Kafka is
told), `log` (Kafka), `desks`, `fulfilment` (the loop), `http`, `main` (what is wired). `partners`
simulates those who are asked.
"""
