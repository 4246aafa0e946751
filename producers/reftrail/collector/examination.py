"""Examination of submitted events: whether each is well formed, and allowed to its sender.

Pure, and nothing is looked up for what is rejected: the time that an answer takes would tell of it.
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reftrail.collector.clock import LATEST
from reftrail.collector.submission import (
    HALVED,
    TOO_MANY_PLACES,
    AnySubmission,
    expected,
    is_halved,
    validate_all,
)
from reftrail.collector.usual_events import UsualEvent, usual
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import DAY, SECOND, Millis
from reftrail.edge.api_keys import PUBLISHABLE_TYPES
from reftrail.edge.field_formats import EXPECTED
from reftrail.edge.model_fields import closest, pointer_to
from reftrail.edge.rejections import Rejection

EARLIEST: Final[Millis] = 946_684_800_000
"""2000-01-01T00:00Z: what is older was not dated by any clock. Imports may go back that far."""
OLDEST_PUBLISHED: Final[Millis] = 7 * DAY
"""The greatest age of an event under a publishable key: an app keeps events while it is offline.

A page could otherwise backdate a click and take somebody's signup over.
"""
_PERSONAL: Final = frozenset({"ip", "device_id", "email", "user_agent"})
MOST_FIELDS: Final = 2 * len(EXPECTED)
"""The most fields of an event, before each is looked at."""


SubmittedEvent: TypeAlias = AnySubmission | UsualEvent
"""A well-formed event, read by pydantic or at once: with the same fields and values."""


class Submitted(NamedTuple):
    """An event that its sender may send: its place in the request, and the item that it was."""

    place: int
    event: SubmittedEvent
    item: Any


class Examined(NamedTuple):
    """The outcome of an examination: every item is in one of the two, in the request's order."""

    submitted: list[Submitted]
    rejected: list[Rejection]

    @property
    def codes(self) -> set[str]:
        """The codes to look up."""
        return {sent.event.code for sent in self.submitted if sent.event.code is not None}


def examine(
    items: Sequence[Any], kind: KeyKind, now: Millis, clock_skew: Millis, *, first: int = 0
) -> Examined:
    """Examine items of any type, the first of which has a place in its request."""
    submitted = []
    valid, rejected = _read(items)
    for index, event in valid:
        refused = refusal(event, kind, now, clock_skew)
        if refused is None:
            submitted.append(Submitted(first + index, event, items[index]))
        else:
            rejected.append(Rejection(index, *refused))
    if rejected:
        rejected.sort(key=attrgetter("index"))
    if first:
        rejected = [
            Rejection(first + rejection.index, rejection.pointer, rejection.reason)
            for rejection in rejected
        ]
    return Examined(submitted, rejected)


def merged(parts: Sequence[Examined]) -> Examined:
    """The outcome for a request that was examined in parts."""
    if len(parts) == 1:
        return parts[0]
    return Examined(
        [event for part in parts for event in part.submitted],
        [rejection for part in parts for rejection in part.rejected],
    )


def _read(items: Sequence[Any]) -> tuple[list[tuple[int, SubmittedEvent]], list[Rejection]]:
    """The events that are well formed, with their indexes; a rejection for each of the others."""
    events: dict[int, SubmittedEvent] = {}
    places = []
    for index, item in enumerate(items):
        event = usual(item)
        if event is None:
            places.append(index)
        else:
            events[index] = event
    if not places:
        return list(events.items()), []
    valid, rejected = _bounded([items[index] for index in places])
    events |= {places[index]: event for index, event in valid}
    return (
        sorted(events.items(), key=itemgetter(0)),
        [Rejection(places[one.index], one.pointer, one.reason) for one in rejected],
    )


def _bounded(items: Sequence[Any]) -> tuple[list[tuple[int, AnySubmission]], list[Rejection]]:
    """`_validated`, for items whose fields are few enough to be examined quickly."""
    over = {}
    for index, item in enumerate(items):
        if isinstance(item, dict) and len(item) > MOST_FIELDS:
            said = f"has {len(item)} fields; expected at most {MOST_FIELDS}"
            over[index] = Rejection(index, "", said)
    if not over:
        return _validated(items)
    places = [index for index in range(len(items)) if index not in over]
    valid, rejected = _validated([items[index] for index in places])
    return (
        [(places[index], event) for index, event in valid],
        [
            *over.values(),
            *(
                Rejection(places[rejection.index], rejection.pointer, rejection.reason)
                for rejection in rejected
            ),
        ],
    )


def _validated(items: Sequence[Any]) -> tuple[list[tuple[int, AnySubmission]], list[Rejection]]:
    """The events that are well formed, with their indexes; a rejection for each of the others.

    All are read in one step; only if that fails, those without a fault are read again.
    """
    try:
        return list(enumerate(validate_all(list(items)))), []
    except ValidationError as error:
        faults: dict[int, ErrorDetails] = {}
        for fault in error.errors(include_url=False, include_context=False):
            faults.setdefault(int(fault["loc"][0]), fault)
    sound = [index for index in range(len(items)) if index not in faults]
    read = validate_all([items[index] for index in sound])
    return (
        list(zip(sound, read, strict=True)),
        [Rejection(index, *_explained(fault)) for index, fault in faults.items()],
    )


def _explained(fault: ErrorDetails) -> tuple[str, str]:
    """Pointer and reason for a fault that pydantic found."""
    kind, location, given = fault["type"], fault["loc"], fault["input"]
    if kind != "missing" and is_halved(given):
        return pointer_to(str(location[2])) if len(location) > 2 else "", HALVED
    if kind == "model_attributes_type":
        return "", f"is {_shown(given)}; expected an object with the fields of one event"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        found = given.get("type")
        what = "is missing" if found is None else f"is {_shown(found)}"
        return "/type", f"{what}; expected {EXPECTED['type']}"
    tag, field = str(location[1]), str(location[2])
    pointer = pointer_to(field)
    if kind == "extra_forbidden":
        return pointer, f"is not a field of an event{_perhaps(field)}"
    article = "an" if tag[0] in "aeiou" else "a"
    if kind == "missing" or given is None:
        return pointer, f"is missing; {article} {tag} needs {expected(tag, field)}"
    wanted = fault["msg"] if kind == TOO_MANY_PLACES else f"expected {expected(tag, field)}"
    quoted = _hidden(given) if field in _PERSONAL else _shown(given)
    return pointer, f"is {quoted}; {wanted}"


def _hidden(given: object) -> str:
    """A value in a reason without what it says of a person: clients write reasons to their logs."""
    if isinstance(given, str) and given:
        return f"a text of length {len(given)}"
    return _shown(given)


@lru_cache(maxsize=1024)
def _perhaps(field: str) -> str:
    close = closest(field, EXPECTED)
    return f"; did you mean {close}?" if close else "; put what is your own under properties"


def _shown(given: object) -> str:
    """A value in a reason: its type and, if it is short and plain, itself."""
    match given:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[given]
        case int() | float():
            return f"the number {str(given)[:40]}"
        case str():
            return ascii(given if len(given) <= 40 else given[:40] + "...") if given else "empty"
        case list():
            return "an array"
        case _:
            return "an object"


def refusal(  # noqa: PLR0911 - a list of reasons
    submission: SubmittedEvent, kind: KeyKind, now: Millis, clock_skew: Millis
) -> tuple[str, str] | None:
    """The reason against this sender's event, as pointer and reason; None if there is none."""
    said = submission.event_time
    published = kind is KeyKind.PUBLISHABLE
    if published and submission.type not in PUBLISHABLE_TYPES:
        return "/type", (
            "needs a secret key; a publishable key may send view, click, form_started and "
            "identified"
        )
    if submission.merged_into is not None and submission.merged_into == submission.user_id:
        return "/merged_into", "is user_id itself; expected the account that stays"
    amount, net = submission.amount, submission.net_amount
    if amount is not None and net is not None and net > amount:
        return "/net_amount", "is more than the amount; expected the part of it without tax"
    if said is None:
        return None
    at = said - clock_skew
    if at > now + LATEST:
        return "/event_time", (
            f"lies {(at - now) // SECOND} s ahead of the collector's clock; at most "
            f"{LATEST // SECOND} s are allowed: set the sender's clock, or say what it shows by "
            f"sent_at beside the events"
        )
    if published and at < now - OLDEST_PUBLISHED:
        return "/event_time", (
            f"lies more than {OLDEST_PUBLISHED // DAY} days back; send older events with a "
            f"secret key"
        )
    if at < EARLIEST:
        return "/event_time", "lies before the year 2000; check the unit and format of the time"
    return None
