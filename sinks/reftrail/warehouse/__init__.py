"""Every public topic into ClickHouse, each message exactly once; and the reports' HTTP server.

Read in this order: `blocks` (messages to Avro blocks), `ledger` (what has been loaded), `loader`
(a batch, exactly once), `source` (Kafka), `sink` (the loop), `http`, `main` (what is wired).
"""
