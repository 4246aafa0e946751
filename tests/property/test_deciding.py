"""What holds for whatever happens, in whatever order, however often, in batches of any size."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
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
    with_repetitions,
)

from reftrail.contracts.decisions import Attributed, RewardDecided, RewardGranted, RewardStatus
from reftrail.contracts.events import AnyEvent, Purchase, Refund
from reftrail.contracts.record import Derived, Record
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topics import ATTRIBUTIONS, CLAIMS, REWARD_GRANTED, REWARDS, Topic
from reftrail.engine.stage import Stage
from reftrail.engine.topology import STAGES, TOPOLOGY
from reftrail.rules.attribution import state as attribution
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Refused
from reftrail.simulator import in_force
from reftrail.testing import LedgerLine, MemoryHost, replay

any_seed = st.integers(0, 2**32)


class Said(NamedTuple):
    """What a record says, without where in the log its cause is."""

    kind: str
    says: tuple[tuple[str, Any], ...]


def said(record: Record) -> Said:
    places = {field.name for field in msgspec.structs.fields(Derived)}
    fields = msgspec.to_builtins(record)
    return Said(
        type(record).__name__,
        tuple((name, repr(value)) for name, value in fields.items() if name not in places),
    )


def all_said(host: MemoryHost, topic: Topic) -> list[Said]:
    return sorted(said(record) for record in host.log(topic))


def attributions(host: MemoryHost) -> list[Attributed]:
    return [record for record in host.log(ATTRIBUTIONS) if isinstance(record, Attributed)]


def entries(host: MemoryHost) -> list[RewardDecided]:
    return [record for record in host.log(REWARDS) if isinstance(record, RewardDecided)]


def everything_written(host: MemoryHost) -> dict[str, list[Said]]:
    topics = {topic for stage in TOPOLOGY for written in stage.writes.values() for topic in written}
    return {topic.name: all_said(host, topic) for topic in topics}


@given(logs(), st.data())
def test_repeated_events_change_nothing(events: list[AnyEvent], data: st.DataObject) -> None:
    once, often = played(events), played(data.draw(with_repetitions(events)))
    assert often.ledger() == once.ledger()
    for topic in (ATTRIBUTIONS, REWARDS, REWARD_GRANTED):
        assert all_said(often, topic) == all_said(once, topic)
    assert claims_by_id(often) == claims_by_id(once)
    for stage in TOPOLOGY:
        if stage.name != "attribution":
            assert often.states(stage) == once.states(stage)
    assert attribution_states(often) == attribution_states(once)


def claims_by_id(host: MemoryHost) -> dict[str, Said]:
    """A purchase or refund that is reported again claims again, and says the same."""
    found: dict[str, Said] = {}
    for claim in host.log(CLAIMS):
        assert found.setdefault(claim.event_id, said(claim)) == said(claim)
    return found


def attribution_states(host: MemoryHost) -> dict[str, set[object]]:
    """What is kept of each user, and what waits: each report in a cell of its own for a time."""
    found: defaultdict[str, set[object]] = defaultdict(set)
    for key, packed in host.states(STAGES["attribution"]).items():
        cell = msgspec.msgpack.decode(packed, type=attribution.kind_of(key))
        if isinstance(cell, attribution.WaitingDeed):
            found[key.partition(":")[0]].add((cell.deed, cell.due_at))
        else:
            found[key].add(msgspec.structs.replace(cell, waiting=0, next_index=0))
    return found


@given(logs())
def test_the_whole_log_a_second_time_changes_nothing(events: list[AnyEvent]) -> None:
    once, twice = played(events), played([*events, *events])
    for topic in (ATTRIBUTIONS, REWARDS, REWARD_GRANTED):
        assert all_said(twice, topic) == all_said(once, topic)
    assert claims_by_id(twice) == claims_by_id(once)


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
    events: list[AnyEvent], one: Manner, other: Manner, seed: int
) -> None:
    first = played(events, one)
    second = played(interleaved(events, Random(seed)), other)
    raced = overtaken(first) | overtaken(second)

    def of_the_others(host: MemoryHost) -> list[Said]:
        return sorted(said(one) for one in attributions(host) if one.user_id not in raced)

    assert of_the_others(second) == of_the_others(first)


def overtaken(host: MemoryHost) -> set[str]:
    """Users with a touch that came in after their decision: purchases settle whether it counts."""
    decided = Counter(one.user_id for one in attributions(host))
    return {user for user, count in decided.items() if count > 1}


@given(logs(limited=False), manners, any_seed)
def test_any_interleaving_gives_the_same_ledger_where_users_buy_in_the_order_of_time(
    events: list[AnyEvent], manner: Manner, seed: int
) -> None:
    """What waits for an attribution claims in the order of time, the rest in that of arrival."""
    deals = iter(sorted((e for e in events if isinstance(e, Purchase | Refund)), key=_when))
    in_order = [next(deals) if isinstance(e, Purchase | Refund) else e for e in events]
    first = played(in_order)
    second = played(interleaved(in_order, Random(seed)), manner)
    raced = overtaken(first) | overtaken(second)

    def of_the_others(host: MemoryHost) -> list[LedgerLine]:
        return [line for line in host.ledger() if line.user_id not in raced]

    assert of_the_others(second) == of_the_others(first)


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
    orders = [one for one in host.log(REWARD_GRANTED) if isinstance(one, RewardGranted)]
    assert [one.event_id for one in orders] == granted


@given(logs(), manners)
def test_whoever_earns_was_attributed_to_the_code_first(
    events: list[AnyEvent], manner: Manner
) -> None:
    host = played(events, manner)
    decided = {(one.user_id, one.code) for one in attributions(host) if one.decisive}
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


def fold_family(
    stage: Stage, conclusions: Sequence[Record], folded: dict[tuple[str, str], Any]
) -> None:
    """Take the conclusions of one decision into the cells of a stage."""
    assert stage.family is not None
    kind_of = stage.family.kind_of
    state = Cells(lambda key: folded.get((stage.name, key), kind_of(key)()))
    for conclusion in conclusions:
        if not isinstance(conclusion, Refused):
            state = stage.decider.evolve(state, conclusion)
    folded |= {(stage.name, key): cell for key, cell in state.changed.items()}


@given(logs(), manners)
def test_the_state_follows_from_the_conclusions_alone(
    events: list[AnyEvent], manner: Manner
) -> None:
    """Folding what was concluded, without deciding again, gives the state of the live host."""
    host = played(events, manner)
    folded: dict[tuple[str, str], Any] = {}
    for step in host.steps:
        stage = step.stage
        if stage.family is not None:
            fold_family(stage, step.conclusions, folded)
            continue
        keys = [(stage.name, cell.key_of(step.record)) for cell in stage.cells]
        cells = zip(keys, stage.cells, strict=True)
        values = tuple(folded.get(key, cell.state()) for key, cell in cells)
        state = values if len(values) > 1 else values[0]
        for conclusion in step.conclusions:
            state = stage.decider.evolve(state, conclusion)
        folded |= zip(keys, state if len(keys) > 1 else (state,), strict=True)
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
