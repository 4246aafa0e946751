"""Check of many keys at once: which of them belong to a partition."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from reftrail.contracts.partitions import MULTIPLIER, SEED, partition_of

_FEWEST: Final = 30
"""Of fewer keys of one length, columns cost more than they save."""
_M: Final = np.uint32(MULTIPLIER)
_13, _15, _24 = (np.uint32(bits) for bits in (13, 15, 24))


def all_belong(keys: Sequence[str], partition: int, partitions: int) -> bool:
    """Whether all keys belong to a partition of so many."""
    if len(keys) < _FEWEST:
        return all(partition_of(key, partitions) == partition for key in keys)
    by_length: defaultdict[int, list[bytes]] = defaultdict(list)
    for key in keys:
        encoded = key.encode()
        by_length[len(encoded)].append(encoded)
    return all(
        bool(((_murmur2(some) & 0x7FFFFFFF) % partitions == partition).all())
        for some in by_length.values()
    )


def _murmur2(keys: Sequence[bytes]) -> npt.NDArray[np.uint32]:
    """The hashes of keys of one length: see `partitions.murmur2`."""
    length = len(keys[0])
    padding = bytes(-length % 4)
    columns = np.frombuffer(b"".join(key + padding for key in keys), "<u4").reshape(len(keys), -1).T
    hashed: npt.NDArray[np.uint32] = np.full(len(keys), SEED ^ length, np.uint32)
    for word in columns[: length // 4]:
        mixed = word * _M
        hashed = (hashed * _M) ^ ((mixed ^ (mixed >> _24)) * _M)
    for tail in columns[length // 4 :]:
        hashed = (hashed ^ tail) * _M
    hashed = (hashed ^ (hashed >> _13)) * _M
    return hashed ^ (hashed >> _15)
