"""The database in which codes are issued: rows, audit log, and what is to go to Kafka."""

from reftrail.codes.store.database import Store

__all__ = ["Store"]
