"""Queries for rows that a page lists."""
