"""Explanation of what a user earned under a code, and its text."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any, Final

import msgspec

from reftrail.contracts.events import Event
from reftrail.contracts.money import amount_text
from reftrail.contracts.record import DAY, Record
from reftrail.contracts.times import rfc3339
from reftrail.reports.evidence import figure_text
from reftrail.reports.explain.log import LogMessage
from reftrail.reports.explain.summary import counted

SAME: Final = "same"
DIFFERS: Final = "differs"
NOTHING: Final = "nothing"

_WIDTH: Final = 80
_MICROS: Final = "_micros"
_MS: Final = "_ms"
_TIMES: Final = (
    "touch_time",
    "first_purchase_at",
    "signed_up_at",
    "expires_at",
    "due_at",
    "effective_from",
)

# What of each record an explanation shows, besides its time.
_ESSENTIAL: Final = {
    "RewardDecided": (
        "status role beneficiary value_micros currency kind reasons campaign_id campaign_version "
        "arm score evidence rules reward_id supersedes due_at"
    ),
    "Claimed": (
        "action code user_id basis touch_time signed_up_at arm order_id amount_micros currency"
    ),
    "Converted": (
        "kind user_id merged_into visitor_id touch_type touch_code touch_time touch_arm typed_code "
        "order_id amount_micros currency"
    ),
    "SignalChecked": "kind users_24h users_30d codes_30d insiders_30d users_365d",
    "LimitAnswered": "refused_by held_amount_micros held_currency",
    "Adjusted": (
        "adjustment_id role value_micros currency kind reason note actor order_id reward_id"
    ),
    "AdjustmentDecided": "adjustment_id decision actor note",
    "Reviewed": "decision reviewer reason reward_id",
    "FulfilmentReported": "outcome kind attempts carrier tracking_number reward_id",
    "ReferralVoided": "code user_id reason first_purchase_at merged_into route",
    "UsersKnown": "code user_id users",
    "ReviewsCarried": "code user_id ended_code ended_user_id ended seen seen_among places",
    "Forwarded": "user_id trail has_claimed",
    "MilestoneChanged": "beneficiary name kind grants reached",
    "CodeChanged": "code revision campaign_id owner_user_id status expires_at max_uses",
    "CampaignDefined": "campaign_id version effective_from",
    "Listed": "subject value listing expires_at actor",
    "Event": (
        "user_id visitor_id code campaign_id category channel utm_source order_id amount_micros "
        "currency"
    ),
}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the chain: its kind, its position and its fields.

    Times are RFC 3339, money is a decimal string.
    """

    what: str
    topic: str
    partition: int
    offset: int
    event_id: str
    event_time: str
    fields: dict[str, Any]


class LedgerChain(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of the ledger with the same cause, and the messages that led to them, back to front.

    touch is how the user was referred, None where a code was typed in. gaps says in words what of
    this isn't in Kafka any more or doesn't fit together.
    """

    entries: list[Link]
    causes: list[Link]
    touch: Link | None
    gaps: list[str]


class DerivationMismatch(msgspec.Struct, frozen=True, kw_only=True):
    """A record that the log and the derivation don't agree on; its place is None if it isn't there.

    fields has for each field that differs what the log says and what was derived; what says in
    words whether one of them doesn't have the record at all.
    """

    what: str
    topic: str
    partition: int | None
    offset: int | None
    event_id: str
    fields: dict[str, tuple[Any, Any]]


class Derivation(msgspec.Struct, frozen=True, kw_only=True):
    """Derivation by one stage, and whether it equals what was decided.

    verdict is same, differs or nothing (there is nothing in the log, and nothing was derived).
    rules is the version that was asked now. inputs are the records about this code and user that
    the stage decided on, outputs the number of its events. facts are the revisions of codes,
    campaigns and list entries that it used for them, each at the input from which on it used it.
    gaps says what of the log is gone.
    """

    stage: str
    rules: str
    verdict: str
    inputs: list[Link]
    facts: list[Link]
    outputs: int
    differences: list[DerivationMismatch]
    gaps: list[str]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Explanation of a user's rewards under a code.

    summary says in sentences what became of it, and why where that is nothing. terms are the code
    as it is registered now and the campaign's versions that the entries name. derivations are the
    stages' decisions made again.
    """

    as_of: str | None
    code: str
    user_id: str
    summary: list[str]
    stories: list[LedgerChain]
    terms: dict[str, Any]
    derivations: list[Derivation]


def link(what: str, found: LogMessage) -> Link:
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
            yield from _linked(entry)
        yield "   because of"
        for cause in story.causes:
            yield from _linked(cause)
        if story.touch is not None:
            yield "   referred by"
            yield from _linked(story.touch)
        yield from (f"   ! {gap}" for gap in story.gaps)
    if explanation.terms:
        yield ""
        yield "Terms"
        for name, fields in explanation.terms.items():
            yield _indented(f"{name}: {_said(fields)}", 3, 6)
    yield from _derived_again(explanation.derivations)
    yield ""
    yield f"As of {explanation.as_of or 'a time before the warehouse had caught up'}."


def _derived_again(derivations: list[Derivation]) -> Iterator[str]:
    yield ""
    yield "Derived again from the log"
    for derivation in derivations:
        events, inputs = counted(derivation.outputs, "event"), len(derivation.inputs)
        counts = f"{events} from {counted(inputs, 'input')}"
        yield f"   {derivation.stage:<12} {derivation.verdict}: {counts}, rules {derivation.rules}"
        for source in (*derivation.inputs, *derivation.facts):
            yield from _linked(source)
        for difference in derivation.differences:
            yield _indented(f"! {_mismatched(difference)}", 3, 5)
        yield from (_indented(f"! {gap}", 3, 5) for gap in derivation.gaps)


def _mismatched(mismatch: DerivationMismatch) -> str:
    place = mismatch.topic
    if mismatch.offset is not None:
        place = f"{place}/{mismatch.partition} offset {mismatch.offset}"
    fields = "; ".join(
        f"{name} is {then!r} in the log, derived {now!r}"
        for name, (then, now) in mismatch.fields.items()
    )
    return f"{mismatch.event_id} ({place}) {mismatch.what}" + (f": {fields}" if fields else "")


def _linked(link: Link) -> Iterator[str]:
    place = f"{link.topic}/{link.partition} offset {link.offset}"
    yield f"     {link.what:<10} {link.event_time}  {place}"
    if link.fields:
        yield _indented(_said(link.fields), 16)


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
    return " + ".join(map(_word_of_one, value)) if isinstance(value, list) else str(value)


def _word_of_one(value: Any) -> str:
    """Evidence with its weight and figures; anything else as it is."""
    if not isinstance(value, dict):
        return str(value)
    figures = " ".join(
        f"{name}={figure_text(name, figure)}" for name, figure in value["figures"].items()
    )
    return f"{value['reason']} {value['weight']}" + (f" ({figures})" if figures else "")


def _essential(record: Record) -> dict[str, Any]:
    kind = "Event" if isinstance(record, Event) else type(record).__name__
    names = _ESSENTIAL.get(kind, "").split()
    values = {name: getattr(record, name) for name in names}
    return shown({name: value for name, value in values.items() if value not in (None, [])})


def shown(fields: dict[str, Any]) -> dict[str, Any]:
    """Money without micros in its name and as text, times as text, the rest as it is."""
    currency = fields.get("currency") or fields.get("reward_currency")
    return dict(_one_shown(name, value, currency) for name, value in fields.items())


def _one_shown(name: str, value: Any, currency: str | None) -> tuple[str, Any]:
    if name.endswith(_MICROS):
        return name.removesuffix(_MICROS), amount_text(value, currency)
    if name == "evidence" and isinstance(value, str):
        return name, msgspec.json.decode(value)
    if name in _TIMES and isinstance(value, int):
        return name, rfc3339(value)
    if name.endswith(_MS):
        return name.removesuffix(_MS) + "_days", round(value / DAY, 3)
    return name, value
