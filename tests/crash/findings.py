"""Wording of what checks find."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

_SHOWN: Final = 5


def repeated(values: Iterable[Any]) -> list[Any]:
    """Items that occur more than once, each reported once."""
    return [value for value, count in Counter(values).items() if count > 1]


def some(what: str, found: Iterable[object]) -> Iterator[str]:
    """The number of findings, and a few of them; nothing where there are none."""
    everything = sorted(found, key=str)
    if everything:
        shown = ", ".join(map(str, everything[:_SHOWN]))
        yield f"{what}: {len(everything)} ({shown}{', ...' if everything[_SHOWN:] else ''})"
