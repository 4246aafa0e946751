"""The set of ids of stored events."""

import sys

import pytest
from support.clickhouse import ClickHouse

from reftrail.warehouse.known_events import BloomFilter, KnownEvents, digests_of


@pytest.mark.parametrize("capacity", [8, 1_000, 100_000])
def test_a_bloom_filter_has_whatever_was_added_to_it(capacity: int) -> None:
    """A full filter of 8 ids is a few bytes, each of which gets many bits at once."""
    known = digests_of([f"known {number}".encode() for number in range(capacity)])
    found = BloomFilter(capacity)
    found.add(known)
    assert [*found.has(known)] == [*range(len(known))]


def test_a_bloom_filter_has_little_else() -> None:
    found = BloomFilter(10_000)
    found.add(digests_of([f"known {number}".encode() for number in range(10_000)]))
    others = digests_of([f"other {number}".encode() for number in range(10_000)])
    assert len(found.has(others)) < 100


def test_a_new_warehouse_does_without_polars(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Importing it is a fifth of a start; who has no events has none to read."""
    monkeypatch.setitem(sys.modules, "polars", None)

    KnownEvents(clickhouse.writing).follow(1)
