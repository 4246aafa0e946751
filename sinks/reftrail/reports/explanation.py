"""Why a user's deeds earned what they did under a code: the answer, and how it reads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from textwrap import fill
from typing import Any, Final

import msgspec

from reftrail.contracts.events import Event
from reftrail.contracts.record import DAY, Millis, Record
from reftrail.reports.catalogue import money
from reftrail.reports.log import Logged

_WIDTH: Final = 80
_MICROS: Final = "_micros"
_MS: Final = "_ms"
_TIMES: Final = ("touch_time", "signed_up_at", "expires_at")

# What of each record an explanation shows, besides its time.
_ESSENTIAL: Final = {
    "RewardDecided": (
        "status role beneficiary value_micros currency kind reasons campaign_id campaign_version "
        "rules reward_id supersedes"
    ),
    "Claimed": "action code user_id basis touch_time signed_up_at order_id amount_micros currency",
    "Converted": (
        "kind user_id visitor_id touch_type touch_code touch_time typed_code order_id "
        "amount_micros currency"
    ),
    "Event": (
        "user_id visitor_id code campaign_id category channel order_id amount_micros currency"
    ),
}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the chain: what it is, where it stands, what it says.

    Times are RFC 3339, money is a decimal string.
    """

    what: str
    topic: str
    partition: int
    offset: int
    event_id: str
    event_time: str
    fields: dict[str, Any]


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of the ledger with the same cause, and the messages that led to them, back to front.

    touch is how the user was referred, None where a code was typed in. gaps says in words what of
    this isn't in Kafka any more or doesn't fit together.
    """

    entries: list[Link]
    causes: list[Link]
    touch: Link | None
    gaps: list[str]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a code and a user.

    summary says in sentences what became of it, and why where that is nothing. terms are the code
    as it is registered now and the campaign's versions that the entries name.
    """

    as_of: str | None
    code: str
    user_id: str
    summary: list[str]
    stories: list[Story]
    terms: dict[str, Any]


def link(what: str, found: Logged) -> Link:
    """A message as a link of the chain."""
    return Link(
        what=what,
        topic=found.topic,
        partition=found.partition,
        offset=found.offset,
        event_id=found.record.event_id,
        event_time=rfc3339(found.record.event_time),
        fields=_essential(found.record),
    )


def rfc3339(at: Millis) -> str:
    """A time as text, to the millisecond."""
    text = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def as_text(explanation: Explanation) -> str:
    """For people: the summary, then each story from the entry back to the first event."""
    return "\n".join(_lines(explanation)) + "\n"


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"Code {explanation.code}, user {explanation.user_id}"
    yield ""
    yield from (_indented(sentence, 0) for sentence in explanation.summary)
    for number, story in enumerate(explanation.stories, start=1):
        yield ""
        yield f"{number}. What the ledger says"
        for entry in story.entries:
            yield from _told(entry)
        yield "   because of"
        for cause in story.causes:
            yield from _told(cause)
        if story.touch is not None:
            yield "   referred by"
            yield from _told(story.touch)
        yield from (f"   ! {gap}" for gap in story.gaps)
    if explanation.terms:
        yield ""
        yield "Terms"
        for name, fields in explanation.terms.items():
            yield _indented(f"{name}: {_said(fields)}", 3, 6)
    yield ""
    yield f"As of {explanation.as_of or 'a time before the warehouse had caught up'}."


def _told(one: Link) -> Iterator[str]:
    place = f"{one.topic}/{one.partition} offset {one.offset}"
    yield f"     {one.what:<10} {one.event_time}  {place}"
    if one.fields:
        yield _indented(_said(one.fields), 16)


def _indented(text: str, first: int, following: int | None = None) -> str:
    return fill(
        text,
        _WIDTH,
        initial_indent=" " * first,
        subsequent_indent=" " * (first if following is None else following),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _said(fields: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)}" for name, value in fields.items())


def _word(value: Any) -> str:
    return " + ".join(value) if isinstance(value, list) else str(value)


def _essential(record: Record) -> dict[str, Any]:
    kind = "Event" if isinstance(record, Event) else type(record).__name__
    names = _ESSENTIAL.get(kind, "").split()
    values = {name: getattr(record, name) for name in names}
    return shown({name: value for name, value in values.items() if value not in (None, [])})


def shown(fields: dict[str, Any]) -> dict[str, Any]:
    """Money without micros in its name and as text, times as text, the rest as it is."""
    return dict(_one_shown(name, value) for name, value in fields.items())


def _one_shown(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith(_MICROS):
        return name.removesuffix(_MICROS), money(value)
    if name in _TIMES and isinstance(value, int):
        return name, rfc3339(value)
    if name.endswith(_MS):
        return name.removesuffix(_MS) + "_days", round(value / DAY, 3)
    return name, value
