"""Batches of acts on many codes: one batch_id, some thousands to a transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

import uuid_utils

from reftrail.codes.model import By

T = TypeVar("T")

CHUNK: Final = 2_000


def in_batch(by: By) -> By:
    """The actor with the id of a batch, a new one unless there is one."""
    return by if by.batch_id else replace(by, batch_id=str(uuid_utils.uuid7()))


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Lists of as many as go into a transaction at a time, in their order."""
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
