"""Plumbing of every host: settings, HTTP, Kafka clients, and the end of the process."""
