"""Many keys at once belong where each by itself does."""

import pytest

from reftrail.contracts.partitions import partition_of
from reftrail.engine.placement import all_belong

PARTITIONS = 4


def keys_in(partition: int, count: int, begin: str) -> list[str]:
    keys = (f"{begin}{number:07}" for number in range(count * PARTITIONS * 2 + 100))
    return [key for key in keys if partition_of(key, PARTITIONS) == partition][:count]


@pytest.mark.parametrize("begin", ["", "a", "ab", "abc", "ü", "a visitor of some length "])
@pytest.mark.parametrize("count", [3, 1_200])
def test_one_that_does_not_belong_is_found_among_many(begin: str, count: int) -> None:
    own = keys_in(1, count, begin)
    (other,) = keys_in(3, 1, begin)
    assert len(own) == count
    assert all_belong(own, 1, PARTITIONS)
    assert not all_belong(own, 2, PARTITIONS)
    assert not all_belong([*own, other], 1, PARTITIONS)
    assert not all_belong([*own, *keys_in(3, 1, f"another length {begin}")], 1, PARTITIONS)


def test_no_keys_belong_everywhere() -> None:
    assert all_belong([], 1, PARTITIONS)
