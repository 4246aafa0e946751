"""Lookup of codes: registered ones in memory, kept up with Kafka, and formats for the others."""
