"""Small programmes in which much happens: few people, few codes, short windows, late arrivals.

Times are hours from the beginning of a story. A user always signs up from the same visitor, or
from none; two users share a visitor.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, TypeVar

import msgspec
from hypothesis import strategies as st

from reftrail.contracts.events import AnyEvent, CodeEvidence, event_key
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT
from reftrail.contracts.reference import CampaignDefined, CodeChanged, CodeStatus, Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

Something = TypeVar("Something")

VISITORS: Final = ("v0", "v1")
USERS: Final = {"u0": "v0", "u1": "v0", "u2": "v1", "u3": None}
MOST_USES: Final = {"FEW": 1, "PAIR": 2}

TRUSTING: Final = policy_text(Policy(fraud=Fraud(grant_up_to=999, reject_from=1_000)))
"""Nothing but self-referral is suspicious: times and addresses in these stories are drawn."""

REGISTERED: Final[tuple[CampaignDefined, ...]] = (
    campaign(
        "on-signup",
        attribution_window_ms=6 * HOUR,
        counts_views=True,
        late_touch_grace_ms=4 * HOUR,
        policy=TRUSTING,
    ),
    campaign(
        "on-purchase",
        attribution_window_ms=9 * HOUR,
        trigger=Trigger.FIRST_PURCHASE,
        minimum_amount_micros=50 * MICROS_PER_UNIT,
        typed_code_wins=True,
        late_touch_grace_ms=24 * HOUR,
        policy=TRUSTING,
    ),
)
ISSUED: Final[tuple[CodeChanged, ...]] = (
    code("AMY", campaign_id="on-signup"),
    code("BOB", campaign_id="on-purchase", owner="u0"),
    code("CAT", campaign_id="on-purchase"),
    code("OLD", campaign_id="on-signup", status=CodeStatus.REVOKED, event_time=0),
    code("FEW", campaign_id="on-signup", max_uses=MOST_USES["FEW"]),
    code("PAIR", campaign_id="on-signup", max_uses=MOST_USES["PAIR"]),
    code("NIL", campaign_id="nobody-knows"),
    code("FAR", campaign_id="on-signup", regions=["DE"], channels=["mail", "app"]),
    code("SPR1", campaign_id="on-purchase"),
)
_REGISTERED_IN: Final = {code.code: code.campaign_id for code in ISSUED}
DERIVED: Final = {"SPR1": "on-purchase", "SPR2": "on-signup", "SPR3": "on-purchase"}
"""Codes that prove themselves; SPR1 was bound to its owner, and some events are from before."""
FORGED: Final = "SPR9"
_NOT_REGISTERED: Final = {"GHOST": None, FORGED: CodeEvidence.FORGED, "GH": CodeEvidence.MALFORMED}
_LIMITED: Final = frozenset(MOST_USES)

hours = st.integers(0, 40).map(lambda hour: FIRST_DAY + hour * HOUR)


def _named(code: str | None) -> dict[str, Any]:
    """The fields that the collector adds to an event with a code."""
    if code is None:
        return {}
    evidence = CodeEvidence.DERIVED if code in DERIVED else _NOT_REGISTERED.get(code)
    campaign_id = DERIVED.get(code, _REGISTERED_IN.get(code))
    known = code not in _NOT_REGISTERED
    return {
        "code": code,
        "code_known": known,
        "code_evidence": evidence,
        "campaign_id": campaign_id,
    }


@st.composite
def _events(draw: st.DrawFn, codes: Sequence[str]) -> AnyEvent:
    """Any event; event_id is left to the caller that puts it in its place."""
    kind = draw(st.sampled_from(_KINDS))
    user = draw(st.sampled_from(sorted(USERS)))
    named = _named(draw(st.none() | st.sampled_from(codes)))
    if named.get("code") in _REGISTERED_IN:
        named["code_evidence"] = draw(st.sampled_from([None, named["code_evidence"]]))
    where = {
        "country": draw(st.sampled_from([None, "DE", "DE", "US"])),
        "channel": draw(st.sampled_from([None, "mail", "app", "web"])),
        "email_disposable": draw(st.sampled_from([None, True, False])),
    }
    times = {"event_id": "", "event_time": draw(hours), "received_at": draw(hours)}
    order = {"user_id": user, "order_id": f"{user}-o{draw(st.integers(0, 2))}"}
    paid = {"amount_micros": draw(st.sampled_from([0, 30, 60])) * MICROS_PER_UNIT}
    match kind:
        case "signup":
            typed = draw(st.sampled_from([{}, {}, named]))
            fields = typed | {"visitor_id": USERS[user], "user_id": user}
        case "purchase":
            fields = order | paid | {"currency": draw(st.sampled_from(["USD", "USD", "EUR"]))}
        case "refund":
            fields = order | draw(st.sampled_from([{}, paid]))
        case _:
            fields = named | {"visitor_id": draw(st.sampled_from(VISITORS))}
    event: AnyEvent = msgspec.convert(times | where | fields | {"type": kind}, AnyEvent)
    return event


_KINDS: Final = ("view", "click", "click", "form_started", "signup", "purchase", "refund")


def logs(*, limited: bool = True, most: int = 40) -> st.SearchStrategy[list[AnyEvent]]:
    """Events in the order of arrival, each with its own id; not limited: without codes that are.

    Half of the logs are long: left to itself, hypothesis makes lists of about five, in which
    hardly anybody earns.
    """
    codes = sorted(_REGISTERED_IN.keys() | DERIVED.keys() | _NOT_REGISTERED.keys())
    codes += 3 * [FORGED]  # which is attributed only if typed in where there is no touch
    event = _events([code for code in codes if limited or code not in _LIMITED])
    short, long = st.lists(event, max_size=most), st.lists(event, min_size=most // 2, max_size=most)
    return (short | long).map(_called)


def _called(events: Iterable[AnyEvent]) -> list[AnyEvent]:
    return [
        msgspec.structs.replace(event, event_id=f"e{nth:02}") for nth, event in enumerate(events)
    ]


repetitions = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 2**16)), max_size=12)
"""The repetitions, and their delays, for `with_repetitions`."""


def with_repetitions(
    first_times: Sequence[Something], again: Iterable[tuple[int, int]]
) -> list[Something]:
    """The same, some of them several times: again right away, or much later."""
    repeated = list(first_times)
    for which, later in again if repeated else ():
        found = first_times[which % len(first_times)]
        earliest = repeated.index(found) + 1
        repeated.insert(earliest + later % (len(repeated) + 1 - earliest), found)
    return repeated


def interleaved(events: Iterable[AnyEvent], rng: Random) -> list[AnyEvent]:
    """The same events in another order, with those of a key in the order that they had."""
    queues: defaultdict[str, deque[AnyEvent]] = defaultdict(deque)
    for event in events:
        queues[event_key(event)].append(event)
    order = [key for key, queue in queues.items() for _ in queue]
    rng.shuffle(order)
    return [queues[key].popleft() for key in order]


@dataclass(frozen=True)
class Manner:
    """The manner of a host."""

    partitions: int = 1
    batch: int = 1
    seed: int | None = None
    wire: bool = False


manners = st.builds(
    Manner,
    partitions=st.integers(1, 4),
    batch=st.integers(1, 8),
    seed=st.none() | st.integers(0, 2**32),
    wire=st.booleans(),
)


def played(events: Iterable[AnyEvent], manner: Manner = Manner()) -> MemoryHost:
    """A host after everything in a programme has happened."""
    host = MemoryHost(
        partitions=manner.partitions,
        batch=manner.batch,
        shuffle=None if manner.seed is None else Random(manner.seed),
        wire=manner.wire,
    )
    host.publish(CAMPAIGNS, *REGISTERED)
    host.publish(CODES, *ISSUED)
    host.publish(EVENTS, *events)
    return host.run()
