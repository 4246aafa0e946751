"""Fulfilment: carries out each order on `reward-granted` once, and reports the outcome.

Input: `reward-granted`, read committed: orders, and withdrawals of orders whose rewards were
reversed. The processes of a group share its partitions. Output: `fulfilments`, and `dead-letters`
for what can't be read or was refused. Guarantee: killed at any point, an order is asked again under
the same idempotency key, its outcome is reported once, and what was withdrawn before isn't asked.

Read in this order: `answers` (of partners), `signature`, `http_client`, `webhook`, `shipment`,
`code_pool` (the partners by kind of reward), `schedule` (retries), `outcomes`, `tables`,
`database`, `counts`, `journal` (the state of each order), `reports` (to Kafka), `log` (what is
needed of Kafka), `kafka_clients`, `kafka_log` (the log on a broker), `workers` (threads),
`fulfilment` (the loop), `http`, `main` (the composition root). `partners` simulates partners.
"""
