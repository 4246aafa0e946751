"""Rejection of one item of a request, beside others that are accepted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """Reason why an item was not taken.

    index is its place in the request; pointer (RFC 6901) leads from the item to the field, ""
    being the item itself.
    """

    index: int
    pointer: str
    reason: str
