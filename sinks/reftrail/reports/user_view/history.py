"""History of a user's entries, page by page, the latest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import attrgetter
from typing import Any, Final

from reftrail.contracts.money import amount_text
from reftrail.contracts.times import rfc3339
from reftrail.reports.questions import BadQuestion, is_digits, number_from
from reftrail.reports.user_view.rows import EntryRow

MOST: Final = 1000
"""The most entries of a page."""
USUAL: Final = 50
"""The number of entries in one page by default."""

_END: Final = (1 << 62, "")
_TIME_DIGITS: Final = 19
_place: Final = attrgetter("ms", "event_id")


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Entries of the history: most of them, below a position, which is an entry's time and id."""

    most: int = USUAL
    before: tuple[int, str] = _END


def page(limit: str | None, before: str | None) -> HistoryPage:
    """From text; before is the next of another page. Raises `BadQuestion`."""
    most = USUAL if limit is None else number_from("limit", limit, MOST)
    if before is None:
        return HistoryPage(most)
    at, dot, event_id = before.partition(".")
    if not dot or not is_digits(at, _TIME_DIGITS) or int(at) > _END[0]:
        raise BadQuestion(f"before is {before[:80]!r}; give what a page before says as next")
    return HistoryPage(most, (int(at), event_id))


def history(
    entries: Sequence[EntryRow], asked: HistoryPage
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of them, and where the next one begins, if there is one."""
    below = entries
    if asked.before != _END:
        below = [entry for entry in entries if _place(entry) < asked.before]
    found = nlargest(asked.most + 1, below, key=_place)
    shown = found[: asked.most]
    following = None
    if len(found) > len(shown):
        following = f"{shown[-1].ms}.{shown[-1].event_id}"
    return [_shown(entry) for entry in shown], following


def _shown(entry: EntryRow) -> dict[str, Any]:
    """An entry with its value, and what it adds to the balance, as text."""
    return {
        "event_id": entry.event_id,
        "at": rfc3339(entry.ms),
        "reward_id": entry.reward_id,
        "status": entry.status,
        "role": entry.role,
        "action": entry.action,
        "currency": entry.currency,
        "kind": entry.kind,
        "item": entry.item,
        "code": entry.code,
        "user_id": entry.user_id,
        "campaign_id": entry.campaign_id,
        "order_id": entry.order_id,
        "reasons": list(entry.reasons),
        "supersedes": entry.supersedes,
        "due_at": None if entry.due_ms is None else rfc3339(entry.due_ms),
        "value": amount_text(entry.value_micros, entry.currency),
        "effect": amount_text(entry.effect_micros, entry.currency),
    }
