"""Queries about one user and one code. Parameters: code and user, String."""
