"""Acceptance of submitted events: records for Kafka, or rejections with the field and reason.

Pure: the time, the sender and the codes come as arguments. The raw addresses, device ids, e-mails
and user agents end here; from here on there are only keyed hashes, and names that many share.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import msgspec
import uuid_utils

from reftrail.code_lookup.facts import NOT_LOOKED_UP, UNKNOWN, CodeFacts, CodeLookup
from reftrail.collector.clock import corrected
from reftrail.collector.disposable import is_disposable
from reftrail.collector.event_rows import EventRow
from reftrail.collector.examination import Submitted, examine
from reftrail.collector.repeated_requests import fingerprint
from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import Millis
from reftrail.edge.bots import is_bot
from reftrail.edge.pseudonyms import Pseudonyms
from reftrail.edge.rejections import Rejection
from reftrail.edge.user_agents import agent_of

_RETRIES: Final = UUID("0f5e2f0c-8a5c-5d1e-9a53-7265747269ed")


class Sender(NamedTuple):
    """The sender of a request, by its connection. ip and user_agent are the client's.

    idempotency_key, where given, makes the ids of events without one: the same key and contents,
    the same ids. name is the key's; campaigns, where there are any, are those of the publishable
    key: it may name no others, nor their codes.
    """

    kind: KeyKind
    ip: str | None = None
    user_agent: str | None = None
    prefetch: bool = False
    idempotency_key: str | None = None
    name: str = ""
    campaigns: frozenset[str] = frozenset()


class Accepted(NamedTuple):
    """An event to be written: its message key and the fields of its record.

    guess is a code that nobody knows, or that is of no campaign of the publishable key.
    """

    key: str
    row: EventRow
    guess: str | None = None

    @property
    def datum(self) -> dict[str, Any]:
        """The fields by their names."""
        return msgspec.structs.asdict(self.row)


class Acceptance(NamedTuple):
    """The outcome for a request: every event is in one of the two, in the request's order."""

    accepted: list[Accepted]
    rejected: list[Rejection]

    @property
    def clock_skew(self) -> Millis | None:
        """The largest correction of an event's time; None if all are as they were sent."""
        skews = [
            accepted.row.clock_skew_ms
            for accepted in self.accepted
            if accepted.row.clock_skew_ms is not None
        ]
        return max(skews, key=abs) if skews else None


class Circumstances(NamedTuple):
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
    examined = examine(
        items, circumstances.sender.kind, circumstances.now, circumstances.clock_skew
    )
    accepted = [recorded(sent, circumstances) for sent in examined.submitted]
    return Acceptance(accepted, examined.rejected)


def codes_named(items: Sequence[Any]) -> set[str]:
    """The codes that items name, right or wrong."""
    named = (item.get("code") for item in items if isinstance(item, dict))
    return {code for code in named if isinstance(code, str)}


def recorded(submitted: Submitted, circumstances: Circumstances) -> Accepted:
    """The record of an event, and its key: contracts.events.event_key, said of a submission."""
    sender, hashed, event = circumstances.sender, circumstances.pseudonyms, submitted.event
    published = sender.kind is KeyKind.PUBLISHABLE
    kind = event.type
    # A secret key's connection is a server's: its address and user agent tell nothing of the
    # visitor. A publishable key's is the visitor's own, and its address can't be made up.
    ip = sender.ip if published else event.ip
    user_agent = event.user_agent or (sender.user_agent if published else None)
    family, system, device_class, is_bots = _seen(user_agent) if user_agent else _NO_AGENT
    ip_hash, network_hash = hashed.address(ip) if ip else (None, None)
    device_hash = hashed.device(event.device_id) if event.device_id else None
    email_hash = hashed.email(event.email) if event.email else None
    code, facts, guess = _looked_up(event.code, circumstances)
    campaign_id = facts.campaign_id if code else event.campaign_id
    if sender.campaigns and campaign_id not in sender.campaigns:
        campaign_id = None
    now, said = circumstances.now, event.event_time
    at = now if said is None else corrected(said, circumstances.clock_skew, now)
    row = EventRow(
        event.event_id or _made_id(submitted, sender),
        kind,
        at,
        now,
        event.visitor_id,
        event.user_id,
        code,
        facts.known,
        facts.evidence,
        # What earns is the code's record's to say: a client's word would choose its own rules.
        campaign_id,
        event.category or facts.category,
        event.channel or facts.channel,
        event.source,
        device_hash,
        ip_hash,
        network_hash,
        email_hash,
        is_disposable(event.email) if event.email else None,
        hashed.key_id if ip_hash or device_hash or email_hash else None,
        None,  # as it came it goes nowhere: the schema has it for older records
        sender.prefetch or is_bots,
        event.country,
        event.order_id,
        event.amount,
        event.currency,
        event.properties,
        event.campaign_id,
        sender.kind.value,
        None if said is None or said == at else said - at,
        event.refund_id,
        event.amount_refunded,
        event.net_amount,
        event.tax,
        event.shipping,
        event.dispute_id,
        event.merged_into,
        event.utm_source,
        family,
        system,
        device_class,
    )
    by_user = kind in _BY_USER or event.visitor_id is None
    key = event.user_id if by_user else event.visitor_id
    assert key is not None, f"a {kind} without user_id and visitor_id was let in"
    return Accepted(key, row, guess)


_NO_AGENT: Final = (None, None, None, False)


@lru_cache(maxsize=4096)
def _seen(user_agent: str) -> tuple[str, str, str, bool]:
    """Family, system and device class of a user agent, and whether it is a bot's."""
    return (*agent_of(user_agent), is_bot(user_agent))


def _looked_up(
    named: str | None, circumstances: Circumstances
) -> tuple[str | None, CodeFacts, str | None]:
    """The code as its record spells it, the facts about it, and what of it was a guess."""
    lookup, campaigns = circumstances.codes, circumstances.sender.campaigns
    if not named or lookup is None:
        return named, NOT_LOOKED_UP, None
    facts = lookup(named) or UNKNOWN
    code = facts.code or canonical(named)
    if campaigns and facts.campaign_id not in {*campaigns, None}:
        # As if it had come without: the answer doesn't show that there is such a code.
        return None, NOT_LOOKED_UP, code
    return code, facts, code if facts.known is False else None


_BY_USER: Final = frozenset(
    {"purchase", "refund", "dispute_opened", "dispute_won", "dispute_lost", "users_merged"}
)


def _made_id(submitted: Submitted, sender: Sender) -> str:
    if sender.idempotency_key is not None:
        contents = fingerprint([submitted.item])
        parts = (str(sender.kind), sender.idempotency_key, str(submitted.place), contents)
        return str(uuid5(_RETRIES, "\0".join(parts)))
    return str(uuid_utils.uuid7())
