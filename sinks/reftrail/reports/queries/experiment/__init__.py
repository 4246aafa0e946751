"""Queries for the report on an experiment."""
