"""Database in which codes are issued: rows, audit log and outbox."""

from reftrail.codes.store.database import Store

__all__ = ["Store"]
