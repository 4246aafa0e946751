"""Whether keys belong to a partition, for many keys at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import polars as pl

from reftrail.contracts.partitions import MULTIPLIER, SEED, partition_of

_FEWEST: Final = 500
"""Of fewer keys of one length, columns cost more than they save."""


def all_belong(keys: Sequence[str], partition: int, partitions: int) -> bool:
    """Whether all keys belong to a partition of so many."""
    if len(keys) < _FEWEST:
        return all(partition_of(key, partitions) == partition for key in keys)
    by_length: defaultdict[int, list[bytes]] = defaultdict(list)
    for key in keys:
        encoded = key.encode()
        by_length[len(encoded)].append(encoded)
    return all(
        _all_of_length_belong(length, some, partition, partitions)
        for length, some in by_length.items()
    )


def _all_of_length_belong(length: int, keys: list[bytes], partition: int, partitions: int) -> bool:
    if len(keys) < _FEWEST:
        return all(partition_of(key.decode(), partitions) == partition for key in keys)
    padded = [key + bytes(-length % 4) for key in keys]
    frame = pl.DataFrame({"key": padded}, schema={"key": pl.Binary})
    hashed = frame.select(_murmur2(length)).to_series()
    found = ((hashed & 0x7FFFFFFF) % partitions).unique()
    return found.to_list() == [partition]


def _murmur2(length: int) -> pl.Expr:
    """The hash of keys of one length, padded to whole words: see `partitions.murmur2`."""
    multiplier = pl.lit(MULTIPLIER, pl.UInt32)
    hashed = pl.lit(SEED ^ length, pl.UInt32)
    for at in range(0, length, 4):
        word = pl.col("key").bin.slice(at, 4).bin.reinterpret(dtype=pl.UInt32, endianness="little")
        if at + 4 <= length:
            mixed = word * multiplier
            hashed = hashed * multiplier ^ (mixed ^ mixed // (1 << 24)) * multiplier
        else:
            hashed = (hashed ^ word) * multiplier
    hashed = (hashed ^ hashed // (1 << 13)) * multiplier
    return hashed ^ hashed // (1 << 15)
