"""Limits of a report's answer."""

from typing import Final

MOST_ROWS: Final = 10_000
MOST_SECONDS: Final = 60

_NARROWER: Final = "ask for a shorter period, or by fewer dimensions"


def too_many_rows() -> str:
    """That a report has too many rows, and what to do."""
    return f"the report has more than {MOST_ROWS} rows; {_NARROWER}"


def takes_too_long() -> str:
    """That a report takes too long, and what to do."""
    return f"the report takes more than {MOST_SECONDS} s; {_NARROWER}"


def leaves_some_out(most: int) -> str:
    """That a report has only its first rows, which can't be compared or filled with zeros."""
    return (
        f"the report has only the first {most}, which can't be compared or have a granularity: "
        f"others would be zeros; ask for neither, or narrow it by a filter"
    )


def only_first_of(most: int) -> str:
    """That a list may have more than it shows, and what to do."""
    return f"Only the first {most:,} are listed, there may be more: narrow it by a filter."
