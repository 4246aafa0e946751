"""Properties of decisions for all events, in any order, number and batches."""

from collections import Counter, defaultdict
from random import Random
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from property.programmes import (
    DERIVED,
    FORGED,
    ISSUED,
    MOST_USES,
    REGISTERED,
    Manner,
    interleaved,
    logs,
    manners,
    played,
    repetitions,
    with_repetitions,
)

from reftrail.contracts.decisions import Attributed, RewardDecided, RewardGranted, RewardStatus
from reftrail.contracts.events import AnyEvent, Click, CodeEvidence, Purchase, Refund, Signup
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT, Derived, Record
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import ATTRIBUTIONS, CLAIMS, REWARD_GRANTED, REWARDS
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.attribution.waiting import WaitingAction
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Refused
from reftrail.rules.reward.transitions import effect_of
from reftrail.simulator import in_force
from reftrail.testing import LedgerLine, MemoryHost, Step, replay
from reftrail.testing.times import FIRST_DAY

any_seed = st.integers(0, 2**32)


def _at(hour: int, name: str) -> dict[str, Any]:
    return {"event_id": name, "event_time": FIRST_DAY + hour * HOUR, "received_at": FIRST_DAY}


def _under(code: str, **overrides: Any) -> dict[str, Any]:
    return {"visitor_id": "v1", "code": code, "code_known": True} | overrides


DROPPED_BEFORE_A_CORRECTION: Final[list[AnyEvent]] = [
    Signup(**_at(1, "e00"), visitor_id="v1", user_id="u2"),
    Purchase(
        **_at(0, "e01"),
        user_id="u2",
        order_id="u2-o0",
        amount_micros=60 * MICROS_PER_UNIT,
        currency="USD",
    ),
    Click(**_at(1, "e02"), **_under("BOB", campaign_id="on-purchase")),
    Click(
        **_at(0, "e03"),
        **_under("SPR2", campaign_id="on-signup", code_evidence=CodeEvidence.DERIVED),
    ),
]
"""BOB pays purchases, but this one lies before its touch; SPR2 corrects, and then it counts."""


class Said(NamedTuple):
    """The content of a record, without the position of its cause."""

    kind: str
    says: tuple[tuple[str, Any], ...]


def said(record: Record) -> Said:
    """The content of a record. A claim that is repeated may know of an older purchase by then."""
    places = {field.name for field in msgspec.structs.fields(Derived)} | {"first_purchase_at"}
    fields = msgspec.to_builtins(record)
    return Said(
        type(record).__name__,
        tuple((name, repr(value)) for name, value in fields.items() if name not in places),
    )


def all_said(host: MemoryHost, topic: Topic) -> list[Said]:
    return sorted(said(record) for record in host.log(topic))


def without_reservations(states: dict[str, bytes]) -> dict[str, bytes]:
    """States without where in the log something stood that waits: repetitions move that."""
    return {
        key: msgspec.msgpack.encode(
            msgspec.structs.replace(msgspec.msgpack.decode(packed, type=WaitingAction), offset=0)
        )
        if ":w:e" in key or ":d:e" in key
        else packed
        for key, packed in states.items()
    }


def fold(step: Step, folded: dict[tuple[str, str], Any]) -> None:
    """Apply the events of one decision to the state of its stage."""
    stage = step.stage
    decided = (event for event in step.events if not isinstance(event, Refused))
    if stage.family is not None:
        kind_of = stage.family.kind_of
        cells = Cells(
            lambda key: folded.get((stage.name, key), kind_of(key)()),
            lambda group: [
                key for name, key in folded if name == stage.name and key.startswith(f"{group}:")
            ],
        )
        for output in decided:
            cells = stage.decider.evolve(cells, output)
        folded |= {(stage.name, key): cell for key, cell in cells.changed.items()}
        return
    keys = [(stage.name, cell.key_of(step.record)) for cell in stage.cells]
    kept = zip(keys, stage.cells, strict=True)
    values = tuple(folded.get(key, cell.state()) for key, cell in kept)
    state = values if len(values) != 1 else values[0]
    for output in decided:
        state = stage.decider.evolve(state, output)
    folded |= zip(keys, state if len(keys) != 1 else (state,), strict=True)


def attributions(host: MemoryHost) -> list[Attributed]:
    return [record for record in host.log(ATTRIBUTIONS) if isinstance(record, Attributed)]


def entries(host: MemoryHost) -> list[RewardDecided]:
    return [record for record in host.log(REWARDS) if isinstance(record, RewardDecided)]


def everything_written(host: MemoryHost) -> dict[str, list[Said]]:
    topics = {topic for stage in TOPOLOGY for written in stage.writes.values() for topic in written}
    return {topic.name: all_said(host, topic) for topic in topics}


@given(logs(), repetitions)
def test_repeated_events_change_nothing(
    events: list[AnyEvent], again: list[tuple[int, int]]
) -> None:
    once, often = played(events), played(with_repetitions(events, again))
    assert often.ledger() == once.ledger()
    for topic in (ATTRIBUTIONS, REWARDS, REWARD_GRANTED):
        assert all_said(often, topic) == all_said(once, topic)
    assert set(all_said(often, CLAIMS)) == set(all_said(once, CLAIMS))
    for stage in TOPOLOGY:
        assert without_reservations(often.states(stage)) == without_reservations(once.states(stage))


@given(logs())
@example(DROPPED_BEFORE_A_CORRECTION)
def test_the_whole_log_a_second_time_changes_nothing(events: list[AnyEvent]) -> None:
    once, twice = played(events), played([*events, *events])
    for topic in (ATTRIBUTIONS, REWARDS, REWARD_GRANTED):
        assert all_said(twice, topic) == all_said(once, topic)
    assert set(all_said(twice, CLAIMS)) == set(all_said(once, CLAIMS))


@given(logs(), st.integers(1, 4), st.integers(1, 40), st.booleans())
def test_the_size_of_batches_and_the_wire_change_nothing(
    events: list[AnyEvent], partitions: int, batch: int, wire: bool
) -> None:
    single = played(events, Manner(partitions))
    batched = played(events, Manner(partitions, batch, wire=wire))
    assert everything_written(batched) == everything_written(single)
    for stage in TOPOLOGY:
        assert batched.states(stage) == single.states(stage)


@given(logs(), manners, manners, any_seed)
def test_any_interleaving_of_the_keys_gives_the_same_attributions(
    events: list[AnyEvent], manner: Manner, other: Manner, seed: int
) -> None:
    first = played(events, manner)
    second = played(interleaved(events, Random(seed)), other)
    overtaken_users = overtaken(first) | overtaken(second)

    def of_the_others(host: MemoryHost) -> list[Said]:
        return sorted(
            said(attribution)
            for attribution in attributions(host)
            if attribution.user_id not in overtaken_users
        )

    assert of_the_others(second) == of_the_others(first)


REFUNDED_BEFORE_OR_AFTER_THE_SIGNUP: Final[list[AnyEvent]] = [
    Purchase(
        **_at(29, "e21"),
        user_id="u1",
        order_id="u1-o0",
        amount_micros=60 * MICROS_PER_UNIT,
        currency="USD",
    ),
    Signup(
        **_at(0, "e17"),
        **_under("SPR3", campaign_id="on-purchase", code_evidence=CodeEvidence.DERIVED),
        user_id="u1",
    ),
    Refund(**_at(35, "e09"), user_id="u1", order_id="u1-o0"),
]
_BY_REFUNDS: Final = {Reason.REFUNDED, Reason.PARTLY_REFUNDED, Reason.MILESTONE_LOST}


def overtaken(host: MemoryHost) -> set[str]:
    """Users with a touch that came in after their decision: purchases settle whether it counts."""
    decided = Counter(attribution.user_id for attribution in attributions(host))
    return {user for user, count in decided.items() if count > 1}


@example(REFUNDED_BEFORE_OR_AFTER_THE_SIGNUP, Manner(), 5)
@given(logs(limited=False), manners, any_seed)
def test_any_interleaving_gives_the_same_ledger_where_users_buy_in_the_order_of_time(
    events: list[AnyEvent], manner: Manner, seed: int
) -> None:
    """Events that wait for an attribution claim in the order of time, the rest in that of arrival.

    What a refund took is never granted where it comes before the signup, and is granted and taken
    back where it comes later. So of the rewards that refunds touched the balances are compared.
    """
    deals = iter(sorted((e for e in events if isinstance(e, Purchase | Refund)), key=_when))
    in_order = [next(deals) if isinstance(e, Purchase | Refund) else e for e in events]
    first = played(in_order)
    second = played(interleaved(in_order, Random(seed)), manner)
    overtaken_users = overtaken(first) | overtaken(second)
    touched = {
        line.reward_id
        for line in (*first.ledger(), *second.ledger())
        if not _BY_REFUNDS.isdisjoint(line.reasons)
    }

    def of_the_others(host: MemoryHost) -> list[LedgerLine]:
        return [
            line
            for line in host.ledger()
            if line.user_id not in overtaken_users and line.reward_id not in touched
        ]

    def balances(host: MemoryHost) -> dict[str, int]:
        found: Counter[str] = Counter()
        for line in host.ledger():
            if line.user_id not in overtaken_users and line.reward_id in touched:
                found[line.reward_id] += effect_of(line.status, line.value_micros)
        return {reward: balance for reward, balance in found.items() if balance}

    assert of_the_others(second) == of_the_others(first)
    assert balances(second) == balances(first)


def _when(event: AnyEvent) -> tuple[int, str]:
    return event.event_time, event.event_id


@given(logs(), manners)
def test_no_more_users_earn_through_a_code_than_it_allows(
    events: list[AnyEvent], manner: Manner
) -> None:
    users, used_up = defaultdict(set), set()
    for entry in entries(played(events, manner)):
        if entry.status == RewardStatus.GRANTED:
            users[entry.code].add(entry.user_id)
        if "code_used_up" in entry.reasons:
            used_up.add(entry.code)
    for code, most in MOST_USES.items():
        assert len(users[code]) <= most
        assert len(users[code]) == most or code not in used_up, "refused without need"


@given(logs(), manners)
def test_nobody_is_attributed_twice_and_nothing_is_granted_twice(
    events: list[AnyEvent], manner: Manner
) -> None:
    host = played(events, manner)
    decided = Counter(user for user, _ in in_force(attributions(host)))
    assert all(count == 1 for count in decided.values())
    story = defaultdict(list)
    for entry in entries(host):
        story[entry.reward_id].append(entry)
    for lines in story.values():
        assert [line.status for line in lines] in (
            ["granted"],
            ["rejected"],
            ["granted", "reversed"],
        )
        if len(lines) == 2:
            assert lines[1].supersedes == lines[0].event_id
            assert lines[1].value_micros == lines[0].value_micros
    granted = [entry.event_id for entry in entries(host) if entry.status == RewardStatus.GRANTED]
    orders = [grant for grant in host.log(REWARD_GRANTED) if isinstance(grant, RewardGranted)]
    assert [order.event_id for order in orders] == granted


@given(logs(), manners)
def test_whoever_earns_was_attributed_to_the_code_first(
    events: list[AnyEvent], manner: Manner
) -> None:
    host = played(events, manner)
    decided = {
        (attribution.user_id, attribution.code)
        for attribution in attributions(host)
        if attribution.decisive
    }
    in_the_end = {(user, by.code) for user, by in in_force(attributions(host))}
    for entry in entries(host):
        assert (entry.user_id, entry.code) in decided
        if entry.status == RewardStatus.GRANTED:
            assert (entry.user_id, entry.code) in in_the_end, "corrected after a grant"
        assert entry.user_id != entry.beneficiary or entry.role == "referee" or entry.reasons


@given(logs(), manners)
def test_a_forged_code_never_earns_and_a_derived_one_needs_no_lookup(
    events: list[AnyEvent], manner: Manner
) -> None:
    host = played(events, manner)
    for entry in entries(host):
        if entry.code == FORGED:
            assert entry.reasons == [Reason.FORGED_CODE]
        if entry.code in DERIVED:
            assert entry.campaign_id == DERIVED[entry.code]
            assert not {Reason.UNKNOWN_CODE, Reason.FORGED_CODE} & set(entry.reasons)
    assert not {("code", code) for code in (FORGED, *DERIVED)} & host.reference.missed


@given(logs(), manners)
def test_the_state_follows_from_the_conclusions_alone(
    events: list[AnyEvent], manner: Manner
) -> None:
    """Folding the events, without deciding again, gives the state of the live host."""
    host = played(events, manner)
    folded: dict[tuple[str, str], Any] = {}
    for step in host.steps:
        fold(step, folded)
    for stage in TOPOLOGY:
        live = host.states(stage)
        packed = {
            key: msgspec.msgpack.encode(value)
            for (name, key), value in folded.items()
            if name == stage.name and value != type(value)()
        }
        assert packed == live


@given(logs(), manners)
@settings(max_examples=50)
def test_what_was_concluded_once_follows_again_from_the_log(
    events: list[AnyEvent], manner: Manner
) -> None:
    """Each stage alone on its logged input writes what it wrote, byte for byte."""
    host = played(events, manner)
    log = {stage.reads: host.logged(stage.reads) for stage in TOPOLOGY}
    played_again = replay(log, [*REGISTERED, *ISSUED], manner.partitions)
    for topic, records in played_again.items():
        assert _sorted(records) == _sorted(host.log(topic))


def _sorted(records: list[Record]) -> list[bytes]:
    return sorted(msgspec.json.encode(record) for record in records)
