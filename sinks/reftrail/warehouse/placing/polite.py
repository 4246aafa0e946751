"""Settings of the queries that place facts."""

from typing import Final

_SETTINGS: Final = {
    "max_threads": 1,
    "max_execution_time": 0,
    "optimize_on_insert": 1,
    "min_insert_block_size_rows": 100_000,
    "max_bytes_before_external_group_by": 1 << 30,
    "max_bytes_before_external_sort": 1 << 30,
}
"""They take their time, and leave processors and memory to others."""

POLITE: Final = "\nSETTINGS " + ", ".join(f"{name} = {value}" for name, value in _SETTINGS.items())
"""The settings as the end of a SELECT, also of one whose rows are inserted or make a table.

Given beside a command, clickhouse-connect would set and reset each of them around it in an embedded
engine, which took a seventh of the processor time of a placing of few facts.
"""
