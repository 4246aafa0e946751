"""Kafka as every host meets it: clients with TLS and SASL, positions in logs and of groups."""
