"""Properties of rewards through their lives, however inputs, stages and ticks interleave."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from property.life_entries import balances, is_referral, last_status, lives, packed
from property.lives import (
    CAMPAIGN_OF,
    Input,
    campaigns,
    codes,
    inputs_of,
    ledger,
    plans,
    played,
    review_of,
    tick_at,
    to_fulfil,
    went_on,
)
from property.plan_step import Step
from property.programmes import Manner, manners, repetitions, with_repetitions

from reftrail.contracts.decisions import RewardStatus, Role
from reftrail.contracts.events import Event
from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.contracts.topics import DEAD_LETTERS
from reftrail.engine.topology import TOPOLOGY
from reftrail.rules.reward.transitions import STANDING, TRANSITIONS, effect
from reftrail.testing import replay
from reftrail.testing.times import FIRST_DAY

LONG_AFTER = FIRST_DAY + 900 * DAY
WITHOUT_ORDER = {Reason.DELIVERED_IN_TIME, Reason.ALREADY_DELIVERED}
STEPS = {(before, after) for (before, _), after in TRANSITIONS.items()}


@given(plans, manners)
@settings(max_examples=120)
def test_a_reward_is_worth_what_its_entries_add_up_to(plan: list[Step], manner: Manner) -> None:
    """Never less than nothing, never more than was granted; something only while it counts.

    What was delivered before it expired is given back without a second order.
    """
    host = played(inputs_of(plan), manner)
    for entries in lives(host).values():
        worth = 0
        for entry in entries:
            worth += effect(entry)
            assert 0 <= worth <= entries[0].value_micros
        assert (worth > 0) == (last_status(entries) in STANDING)
    ordered: Counter[tuple[str, str]] = Counter()
    for order in to_fulfil(host):
        ordered[order.beneficiary, order.currency] += order.value_micros
    for entry in ledger(host):
        if effect(entry) < 0 or not WITHOUT_ORDER.isdisjoint(entry.reasons):
            ordered[entry.beneficiary or "", entry.currency] += effect(entry)
    assert {whose: worth for whose, worth in ordered.items() if worth} == balances(host)


@given(plans, manners)
@settings(max_examples=60)
def test_no_status_changes_but_as_the_table_says(plan: list[Step], manner: Manner) -> None:
    for entries in lives(played(inputs_of(plan), manner)).values():
        status = None
        granted = None
        for entry in entries:
            if is_part(entry):
                assert status in STANDING
                assert entry.supersedes == granted
                continue
            assert (status, entry.status) in STEPS, (status, entry.status)
            status = RewardStatus(entry.status)
            if status == RewardStatus.GRANTED:
                granted = entry.event_id
            if status == RewardStatus.FULFILLED:
                assert entry.supersedes == granted
    for entries in lives(played(inputs_of(plan), manner)).values():
        assert len({entry.event_id for entry in entries}) == len(entries)


@given(plans, manners)
@settings(max_examples=60)
def test_when_everything_is_taken_back_nothing_is_left(plan: list[Step], manner: Manner) -> None:
    host = played(inputs_of(plan), manner)
    pairs = {(entry.code, entry.user_id): entry for entry in ledger(host)}.values()
    ending = [
        review_of(pair, decision, LONG_AFTER, f"{decision} {nth}", only=False)
        for decision in ("decline", "reverse")
        for nth, pair in enumerate(pairs)
    ]
    went_on(host, ending)
    assert balances(host) == {}
    for entries in lives(host).values():
        assert sum(map(effect, entries)) == 0
        assert last_status(entries) in (RewardStatus.REVERSED, RewardStatus.REJECTED)


@given(plans, repetitions)
@settings(max_examples=150)
def test_inputs_that_come_again_change_nothing(
    plan: list[Step], again: list[tuple[int, int]]
) -> None:
    inputs = list(_with_ticks(inputs_of(plan)))
    once, often = played(inputs), played(in_time(with_repetitions(inputs, again)))
    assert often.ledger() == once.ledger()
    assert [entry.event_id for entry in ledger(often)] == [entry.event_id for entry in ledger(once)]
    assert balances(often) == balances(once)


def _with_ticks(inputs: list[Input]) -> Iterator[Input]:
    """The same, and after each the last tick's time again, which fires what has come too late.

    Else a tick that comes again would fire it, and entries are named after the tick.
    """
    latest = 0
    for nth, input_ in enumerate(inputs):
        yield input_
        if input_.topic.name == "ticks":
            latest = input_.record.event_time
        elif latest:
            yield tick_at(latest, f"after {nth}")


def in_time(inputs: list[Input]) -> Iterator[Input]:
    """Ticks never go back: one that came again tells the time of the last one."""
    latest = 0
    for input_ in inputs:
        if input_.topic.name == "ticks":
            latest = max(latest, input_.record.event_time)
            at = {"event_time": latest, "received_at": latest}
            yield Input(input_.topic, msgspec.structs.replace(input_.record, **at))
        else:
            yield input_


@given(plans, manners)
@settings(max_examples=40)
def test_what_was_concluded_with_ticks_reviews_and_reports_follows_again(
    plan: list[Step], manner: Manner
) -> None:
    host = played(inputs_of(plan), manner)
    log = {stage.reads: host.logged(stage.reads) for stage in TOPOLOGY}
    again = replay(log, [*campaigns(), *codes()], manner.partitions)
    for topic, records in again.items():
        if topic != DEAD_LETTERS:
            assert packed(records) == packed(host.log(topic))


@given(plans, manners, st.integers(0, 2**32))
@settings(max_examples=60)
def test_users_who_have_nothing_to_do_with_each_other_may_come_in_any_order(
    plan: list[Step], manner: Manner, seed: int
) -> None:
    """Events of each user in their order, no limits; then the time passes."""
    events = [given for given in inputs_of(plan, capped=False) if isinstance(given.record, Event)]
    rng, queues = Random(seed), defaultdict(list)
    for event in events:
        assert isinstance(event.record, Event)
        queues[event.record.user_id].append(event)
    order = [user for user, queue in queues.items() for _ in queue]
    rng.shuffle(order)
    shuffled = [queues[user].pop(0) for user in order]
    later = [tick_at(FIRST_DAY + 200 * DAY + nth * HOUR, str(nth)) for nth in range(2)]
    first = went_on(played(events, capped=False), later)
    second = went_on(played(shuffled, manner, capped=False), later)
    assert balances(second) == balances(first)
    assert {entry.reward_id for entry in ledger(second) if is_referral(entry)} == {
        entry.reward_id for entry in ledger(first) if is_referral(entry)
    }


@given(plans, manners)
@settings(max_examples=120)
def test_a_bonus_stands_while_there_are_grants_enough(plan: list[Step], manner: Manner) -> None:
    """Without limits: while as many referrals count as it takes, by a grant not reversed."""
    host = played(inputs_of(plan, capped=False), manner, capped=False)
    referrals: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    bonuses = defaultdict(list)
    for entries in lives(host).values():
        first = entries[0]
        whose = first.beneficiary or "", first.campaign_id or ""
        statuses = [entry.status for entry in entries if not is_part(entry)]
        counts = RewardStatus.GRANTED in statuses and statuses[-1] != RewardStatus.REVERSED
        if first.role == Role.REFERRER and counts:
            referrals[whose].add((first.code, first.user_id))
        if first.role == Role.MILESTONE:
            bonuses[whose].append(entries)
    counted = {whose: len(found) for whose, found in referrals.items()}
    for whose, found in bonuses.items():
        if counted.get(whose, 0) >= 2:
            assert not any(Reason.MILESTONE_LOST in entry.reasons for entry in found[-1])
        else:
            assert all(last_status(entries) == RewardStatus.REVERSED for entries in found)
    for whose, count in counted.items():
        assert count < 2 or whose in bonuses
    assert set(CAMPAIGN_OF.values()) >= {campaign_id for _, campaign_id in counted}
