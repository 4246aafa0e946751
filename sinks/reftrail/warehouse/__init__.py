"""Warehouse: every public topic in ClickHouse, each message exactly once, and reports over HTTP.

Read in this order: `blocks` (messages to Avro blocks), `ledger` (what has been loaded), `loader`
(a batch, exactly once), `source` (Kafka), `sink` (the loop), `http`, `main` (what is wired).
"""
