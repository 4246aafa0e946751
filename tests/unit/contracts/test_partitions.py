"""Partitioning as the Java client does it."""

import aiokafka.partitioner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.changelogs import REWARD_CHANGELOG
from reftrail.contracts.partitions import key_in, murmur2, partition_of
from reftrail.contracts.topics import CLAIMS, REWARD_GRANTED, REWARDS


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_what_the_java_client_s_own_test_expects(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@given(st.binary(max_size=64))
def test_murmur2_gives_what_aiokafka_gives(key: bytes) -> None:
    assert murmur2(key) == aiokafka.partitioner.murmur2(key) % 2**32


@given(st.text(max_size=20), st.integers(1, 64))
def test_a_key_has_the_partition_that_aiokafka_s_partitioner_gives(key: str, count: int) -> None:
    theirs = aiokafka.partitioner.DefaultPartitioner()(key.encode(), list(range(count)), [])
    assert partition_of(key, count) == theirs


@given(st.text(min_size=1).filter(lambda code: ":" not in code), st.text(), st.integers(1, 64))
def test_whatever_concerns_a_code_meets_in_one_partition(code: str, user: str, count: int) -> None:
    claim = CLAIMS.partition(code, count)
    for topic in (REWARDS, REWARD_GRANTED, REWARD_CHANGELOG):
        assert topic.partition(f"{code}:{user}", count) == claim
    assert REWARD_CHANGELOG.partition(code, count) == claim


@pytest.mark.parametrize("partitions", [1, 4, 32])
def test_every_partition_has_a_key_of_its_own(partitions: int) -> None:
    keys = [key_in(partition, partitions) for partition in range(partitions)]
    assert [partition_of(key, partitions) for key in keys] == list(range(partitions))


def test_a_partition_that_is_not_there_has_no_key() -> None:
    with pytest.raises(ValueError, match="no partition 4 of 4"):
        key_in(4, 4)
