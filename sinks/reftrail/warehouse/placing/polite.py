"""Settings of the queries that place facts."""

from typing import Final

POLITE: Final = {
    "max_threads": 1,
    "max_execution_time": 0,
    "optimize_on_insert": 1,
    "min_insert_block_size_rows": 100_000,
    "max_bytes_before_external_group_by": 1 << 30,
    "max_bytes_before_external_sort": 1 << 30,
}
"""They take their time, and leave processors and memory to others."""
