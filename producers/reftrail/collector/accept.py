"""Acceptance of submitted events: records for Kafka, or rejections with the field and reason.

Pure: the time, the sender and the codes come as arguments. The raw addresses, device ids and
e-mails end here; from here on there are only their keyed hashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import uuid_utils
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reftrail.code_lookup.facts import NOT_LOOKED_UP, UNKNOWN, CodeLookup
from reftrail.collector.clock import LATEST, corrected
from reftrail.collector.disposable import is_disposable
from reftrail.collector.submission import (
    HALVED,
    TOO_MANY_PLACES,
    AnySubmission,
    expected,
    is_halved,
    validate_all,
)
from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import DAY, SECOND, Millis
from reftrail.edge.api_keys import PUBLISHABLE_TYPES
from reftrail.edge.bots import is_bot
from reftrail.edge.field_formats import EXPECTED
from reftrail.edge.pseudonyms import Pseudonyms
from reftrail.edge.rejections import Rejection

EARLIEST: Final[Millis] = 946_684_800_000
"""2000-01-01T00:00Z: what is older was not dated by any clock. Imports may go back that far."""
OLDEST_PUBLISHED: Final[Millis] = 7 * DAY
"""How old an event under a publishable key may be: what an app kept while it was offline. A page
could otherwise backdate a click and take somebody's signup over."""

_RETRIES: Final = UUID("0f5e2f0c-8a5c-5d1e-9a53-7265747269ed")

# One rejected event may carry any key that its sender made up.
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of a request, by its connection. ip and user_agent are the client's.

    idempotency_key, where given, makes the ids of events without one: the same key, the same ids.
    """

    kind: KeyKind
    ip: str | None = None
    user_agent: str | None = None
    prefetch: bool = False
    idempotency_key: str | None = None


class Accepted(NamedTuple):
    """An event to be written: its message key and the fields of its record."""

    key: str
    datum: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The outcome for a request: every event is in one of the two, in the request's order."""

    accepted: list[Accepted]
    rejected: list[Rejection]

    @property
    def clock_skew(self) -> Millis | None:
        """The largest correction of an event's time; None if all are as they were sent."""
        skews = [accepted.datum["clock_skew_ms"] for accepted in self.accepted]
        return max((skew for skew in skews if skew is not None), key=abs, default=None)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Context on which the outcome depends besides the events.

    codes None: nobody could look. clock_skew is how far the sender's clock is ahead
    (`clock.clock_skew`).
    """

    sender: Sender
    now: Millis
    pseudonyms: Pseudonyms
    codes: CodeLookup | None
    clock_skew: Millis = 0


def accept(items: Sequence[Any], circumstances: Circumstances) -> Acceptance:
    """Judge each event on its own. items are as the JSON parser made them, of any type."""
    valid, rejected = _validated(items)
    accepted = []
    for index, submission in valid:
        refused = _refusal(submission, circumstances)
        if refused is None:
            accepted.append(_record(index, submission, circumstances))
        else:
            rejected.append(Rejection(index, *refused))
    rejected.sort(key=attrgetter("index"))
    return Acceptance(accepted, rejected)


def codes_named(items: Sequence[Any]) -> set[str]:
    """The codes that events name, right or wrong: what to look up before judging them."""
    named = {item.get("code") for item in items if isinstance(item, dict)}
    return {code for code in named if isinstance(code, str)}


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
        return _pointer(str(location[2])) if len(location) > 2 else "", HALVED
    if kind == "model_attributes_type":
        return "", f"is {_shown(given)}; expected an object with the fields of one event"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        found = given.get("type")
        what = "is missing" if found is None else f"is {_shown(found)}"
        return "/type", f"{what}; expected {EXPECTED['type']}"
    tag, field = str(location[1]), str(location[2])
    pointer = _pointer(field)
    if kind == "extra_forbidden":
        return pointer, f"is not a field of an event{_perhaps(field)}"
    article = "an" if tag[0] in "aeiou" else "a"
    if kind == "missing" or given is None:
        return pointer, f"is missing; {article} {tag} needs {expected(tag, field)}"
    wanted = fault["msg"] if kind == TOO_MANY_PLACES else f"expected {expected(tag, field)}"
    return pointer, f"is {_shown(given)}; {wanted}"


def _pointer(field: str) -> str:
    return "/" + field[:_LONGEST_NAME].replace("~", "~0").replace("/", "~1")


def _perhaps(field: str) -> str:
    close = get_close_matches(field[:_LONGEST_NAME].lower(), EXPECTED, n=1)
    return f"; did you mean {close[0]}?" if close else "; put what is your own under properties"


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


def _refusal(submission: AnySubmission, circumstances: Circumstances) -> tuple[str, str] | None:
    """Why this sender may not send this event now, as pointer and reason; None if it may."""
    sender, now, said = circumstances.sender, circumstances.now, submission.event_time
    published = sender.kind is KeyKind.PUBLISHABLE
    if published and submission.type not in PUBLISHABLE_TYPES:
        return "/type", (
            "needs a secret key; a publishable key may send view, click and form_started"
        )
    if said is None:
        return None
    at = said - circumstances.clock_skew
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


def _record(index: int, event: AnySubmission, circumstances: Circumstances) -> Accepted:
    """The record of an event, and its key: contracts.events.event_key, said of a submission."""
    sender, hashed = circumstances.sender, circumstances.pseudonyms
    published = sender.kind is KeyKind.PUBLISHABLE
    kind = event.type
    # A secret key's connection is a server's: its address and user agent tell nothing of the
    # visitor. A publishable key's is the visitor's own, and its address can't be made up.
    ip = sender.ip if published else event.ip
    user_agent = event.user_agent or (sender.user_agent if published else None)
    ip_hash, network_hash = hashed.address(ip) if ip else (None, None)
    device_hash = hashed.device(event.device_id) if event.device_id else None
    email_hash = hashed.email(event.email) if event.email else None
    code, lookup = event.code, circumstances.codes
    if code and lookup:
        facts = lookup(code) or UNKNOWN
        code = facts.code or canonical(code)
    else:
        facts = NOT_LOOKED_UP
    now, said = circumstances.now, event.event_time
    at = now if said is None else corrected(said, circumstances.clock_skew, now)
    datum = {
        "event_id": event.event_id or _made_id(index, sender),
        "type": kind,
        "event_time": at,
        "received_at": now,
        "visitor_id": event.visitor_id,
        "user_id": event.user_id,
        "code": code,
        "code_known": facts.known,
        "code_evidence": facts.evidence,
        # What earns is the code's record's to say: a client's word would choose its own rules.
        "campaign_id": facts.campaign_id if code else event.campaign_id,
        "category": event.category or facts.category,
        "channel": event.channel or facts.channel,
        "source": event.source,
        "device_hash": device_hash,
        "ip_hash": ip_hash,
        "network_hash": network_hash,
        "email_hash": email_hash,
        "email_disposable": is_disposable(event.email) if event.email else None,
        "hash_key_id": hashed.key_id if ip_hash or device_hash or email_hash else None,
        "user_agent": user_agent,
        "is_bot": sender.prefetch or (user_agent is not None and is_bot(user_agent)),
        "country": event.country,
        "order_id": event.order_id,
        "amount_micros": event.amount,
        "currency": event.currency,
        "properties": event.properties,
        "client_campaign_id": event.campaign_id,
        "key_kind": sender.kind.value,
        "clock_skew_ms": None if said is None or said == at else said - at,
    }
    by_user = kind in ("purchase", "refund") or event.visitor_id is None
    key = event.user_id if by_user else event.visitor_id
    assert key is not None, f"a {kind} without user_id and visitor_id was let in"
    return Accepted(key, datum)


def _made_id(index: int, sender: Sender) -> str:
    if sender.idempotency_key is not None:
        return str(uuid5(_RETRIES, f"{sender.kind}\0{sender.idempotency_key}\0{index}"))
    return str(uuid_utils.uuid7())
