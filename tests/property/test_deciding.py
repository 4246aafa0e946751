"""Decisions are the same for repeated events, in any order, number and batches."""

from collections import Counter
from random import Random
from typing import Any, Final

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from property.decided_records import (
    Said,
    all_said,
    any_seed,
    attributions,
    everything_written,
    overtaken,
    said,
)
from property.programmes import (
    Manner,
    interleaved,
    logs,
    manners,
    played,
    repetitions,
    with_repetitions,
)

from reftrail.contracts.events import AnyEvent, Click, CodeEvidence, Purchase, Refund, Signup
from reftrail.contracts.record import HOUR, MICROS_PER_UNIT
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.topics import ATTRIBUTIONS, CLAIMS, REWARD_GRANTED, REWARDS
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.attribution.waiting import WaitingAction
from reftrail.rules.reward.transitions import effect_of
from reftrail.testing import LedgerLine, MemoryHost
from reftrail.testing.times import FIRST_DAY


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
