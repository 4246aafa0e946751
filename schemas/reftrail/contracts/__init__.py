"""Contracts of each boundary: records, topics, schemas, and their form on the wire."""
