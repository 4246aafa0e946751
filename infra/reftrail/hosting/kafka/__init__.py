"""Kafka for every host: clients with TLS and SASL, positions in logs and of groups."""
