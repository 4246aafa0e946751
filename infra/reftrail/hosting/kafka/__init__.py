"""Kafka as every host meets it: whether a position lies in its log, and what a group committed."""
