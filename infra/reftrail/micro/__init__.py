"""Test double of an installation, for those who integrate: one process, and logs in memory.

Input: HTTP requests, as the collector takes them. Output: what was accepted, what was refused and
what was decided, at `/micro`. Guarantee: the collector's own application and the real rules decide;
only Kafka, the store of codes and the warehouse are replaced.
"""
