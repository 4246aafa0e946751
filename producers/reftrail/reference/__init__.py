"""Reading and writing the topics of reference data, codes and campaigns, as a whole."""

from reftrail.reference.topic import read_all, write

__all__ = ["read_all", "write"]
