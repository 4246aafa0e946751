"""Queries about rewards that wait for somebody's decision."""
