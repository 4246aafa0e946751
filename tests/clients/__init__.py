"""Contract with the Kafka clients about parts of them that aren't public.

`make client-contract` runs it against the newest versions that pyproject.toml allows.
"""
