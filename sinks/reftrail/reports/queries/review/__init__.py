"""Queries about rewards that wait for a person's decision."""
