"""Codes in bulk: issued to files, and taken in from them, in constant memory."""
