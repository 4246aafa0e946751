"""Question to a report: its dimensions, and its period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from reftrail.contracts.errors import ExpectedError

DIMENSIONS: Final = {
    "campaign": "campaign_id",
    "category": "category",
    "channel": "channel",
    "code": "code",
    "day": "day",
}
"""What one may ask by, and how the column is called in the answer."""

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
END: Final = datetime(2200, 1, 1, tzinfo=UTC)


class BadQuestion(ExpectedError):  # noqa: N818  (it says what is wrong, as the others do)
    """A report was asked for what it can't answer; str() says what it can."""


@dataclass(frozen=True, slots=True)
class Question:
    """Dimensions in the order of the columns wanted, and a time from since up to before until."""

    by: tuple[str, ...]
    since: datetime = BEGINNING
    until: datetime = END


def question(by: Sequence[str], since: str | None, until: str | None) -> Question:
    """From text: by takes several, also comma separated; times are dates (UTC) or RFC 3339.

    Raises `BadQuestion`.
    """
    names = [name for part in by for one in part.split(",") if (name := one.strip())]
    if unknown := [name for name in names if name not in DIMENSIONS]:
        raise BadQuestion(f"cannot report by {unknown[0]!r}; choose of {', '.join(DIMENSIONS)}")
    asked = Question(
        tuple(dict.fromkeys(names)) or ("campaign",),
        _time("from", since) if since else BEGINNING,
        _time("to", until) if until else END,
    )
    if asked.since >= asked.until:
        raise BadQuestion(f"from ({since}) must be before to ({until}), which is excluded")
    return asked


def _time(name: str, text: str) -> datetime:
    try:
        if len(text) == len("2026-01-31"):
            return _within(name, datetime.combine(date.fromisoformat(text), time(), UTC))
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadQuestion(
            f"{name} {text!r} is not a time; give a date like 2026-01-31, or a time with its zone "
            f"like 2026-01-31T12:00:00Z"
        )
    return _within(name, at.astimezone(UTC))


def _within(name: str, at: datetime) -> datetime:
    if not BEGINNING <= at <= END:
        raise BadQuestion(f"{name} must lie between {BEGINNING.date()} and {END.date()}")
    return at
