"""Queries about one code. Parameter: code, String."""
