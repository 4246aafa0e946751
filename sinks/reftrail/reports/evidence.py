"""Evidence of a decision as text: figures that are times are shown as times."""

from typing import Final

from reftrail.contracts.times import rfc3339

_TIMES: Final = frozenset({"at", "since", "until", "counts_from"})


def is_time_figure(name: str, value: object) -> bool:
    """Whether a figure is a time, in ms since 1970: its name says it, not its value."""
    return isinstance(value, int) and (name in _TIMES or name.endswith("_at"))


def figure_text(name: str, value: object) -> str:
    """A figure of evidence; a time in RFC 3339."""
    return rfc3339(int(str(value))) if is_time_figure(name, value) else str(value)
