"""A log that loses its end below a committed position; hosts refuse it until it is repaired.

As after a power cut, or from a disk that was restored: the broker's file is shorter than before.
Workers and warehouse must not start on it, for they would take the next records for old ones. What
they say to do is tried: the log is restored from a backup.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from crash.findings import some
from reftrail.contracts.errors import ExpectedError
from reftrail.local.hosts import WAREHOUSE, worker_name

_SAYS: Final = "but the log ends at"
_REMEDIES: Final = {
    worker_name(1): "Restore them from a replica or a backup",
    WAREHOUSE: "start with a new, empty warehouse",
}


def refusals(logs: Path, start: Callable[[], None]) -> Iterator[str]:
    """The faults of hosts that are started on a log that was cut short."""
    before = {name: _size(logs / f"{name}.log") for name in _REMEDIES}
    try:
        start()
    except ExpectedError:
        pass
    else:
        yield "all hosts started on a log that was cut short"
    for name, remedy in _REMEDIES.items():
        said = (logs / f"{name}.log").read_bytes()[before[name] :].decode(errors="replace")
        missing = [words for words in (_SAYS, remedy) if words not in said]
        yield from some(f"{name} refuses without saying", missing)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
