"""What crosses each boundary: records, topics, schemas, and how they look on the wire."""
