"""Queries for leaderboards."""
