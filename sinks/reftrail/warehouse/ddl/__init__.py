"""DDL of the warehouse's tables: numbered SQL files, applied in order and each once.

A file's statements may be run again after a crash, so each is one that changes nothing then. A
file that has been applied somewhere is never edited: a change is a new file.
"""
