"""State on local disk, in RocksDB: for more keys than memory has room for.

Kafka's changelogs stay the truth. The copy on disk has what is committed there up to a position in
each changelog, and that position with it; a worker that starts reads the rest.
"""
