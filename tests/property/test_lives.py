"""Properties of rewards through their lives, however inputs, stages and ticks interleave."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from property.lives import (
    BUY,
    CAMPAIGN_OF,
    JOIN,
    MOST_USES,
    OWNERS,
    Input,
    Step,
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
from property.programmes import Manner, manners, repetitions, with_repetitions

from reftrail.contracts.decisions import RewardDecided, RewardStatus, Role
from reftrail.contracts.events import Event
from reftrail.contracts.policy import Caps
from reftrail.contracts.record import DAY, HOUR, Micros
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.contracts.topics import DEAD_LETTERS
from reftrail.engine.topology import STAGES, TOPOLOGY
from reftrail.rules.limits import LimitState, limit_key
from reftrail.rules.reward.transitions import STANDING, TRANSITIONS, effect
from reftrail.testing import MemoryHost, replay
from reftrail.testing.times import FIRST_DAY

LONG_AFTER = FIRST_DAY + 900 * DAY
WITHOUT_ORDER = {Reason.DELIVERED_IN_TIME, Reason.ALREADY_DELIVERED}
STEPS = {(before, after) for (before, _), after in TRANSITIONS.items()}


def lives(host: MemoryHost) -> dict[str, list[RewardDecided]]:
    found = defaultdict(list)
    for entry in ledger(host):
        found[entry.reward_id].append(entry)
    return found


def last_status(entries: list[RewardDecided]) -> str:
    return [entry.status for entry in entries if not is_part(entry)][-1]


def was_paid_back(entries: list[RewardDecided]) -> bool:
    """Whether a refund rejected a reward that was held."""
    return entries[0].status == RewardStatus.HELD and Reason.REFUNDED in entries[-1].reasons


def balances(host: MemoryHost) -> dict[tuple[str, str], Micros]:
    """By beneficiary and currency, without those who have nothing."""
    sums: Counter[tuple[str, str]] = Counter()
    for entry in ledger(host):
        sums[entry.beneficiary or "", entry.currency] += effect(entry)
    return {whose: worth for whose, worth in sums.items() if worth}


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
@settings(max_examples=80)
def test_no_limit_is_ever_exceeded(plan: list[Step], manner: Manner) -> None:
    host = played(inputs_of(plan), manner)
    granted = [entry for entry in ledger(host) if entry.status == RewardStatus.GRANTED]
    for campaign_id, caps in (("join", JOIN), ("buy", BUY)):
        _check_users([entry for entry in granted if entry.campaign_id == campaign_id], caps)
        by_day: Counter[int] = Counter()
        for entries in lives(host).values():
            if (entries[0].campaign_id, entries[0].currency) == (campaign_id, "USD"):
                by_day[day_of(entries[0])] += spent_on(entries) - delivered_late(entries)
        if caps.budget_micros is not None:
            assert by_day.total() <= caps.budget_micros
        if caps.budget_per_day_micros is not None:
            assert max(by_day.values(), default=0) <= caps.budget_per_day_micros
    for name, most in MOST_USES.items():
        assert (
            len({entry.user_id for entry in granted if entry.code == name and is_referral(entry)})
            <= most
        )


@given(plans, manners)
@settings(max_examples=80)
def test_shared_limits_know_what_is_taken_to_the_cent(plan: list[Step], manner: Manner) -> None:
    """A reward that is rejected in the end keeps no reservation, others keep those of their user.

    Of budgets a reward holds what it costs still, or has cost once it was delivered.
    An order that was paid back stays its user's, so that nobody else earns by it.
    """
    host = played(inputs_of(plan), manner)
    taken: Counter[str] = Counter()
    users = defaultdict(set)
    orders = defaultdict(set)
    for entries in lives(host).values():
        first = entries[0]
        is_order = first.action.startswith("purchase:")
        if is_order and (last_status(entries) != RewardStatus.REJECTED or was_paid_back(entries)):
            orders[limit_key("order", first.order_id or "")].add((first.code, first.user_id))
        if first.campaign_id is None:
            continue
        caps = {"join": JOIN, "buy": BUY}[first.campaign_id]
        if first.currency == "USD" and caps.budget_micros is not None:
            taken[limit_key("cap_budget", first.campaign_id, "USD")] += spent_on(entries)
        if first.currency == "USD" and caps.budget_per_day_micros is not None:
            key = limit_key("cap_budget_per_day", first.campaign_id, "USD", at=first.action_time)
            taken[key] += spent_on(entries)
        if is_referral(first) and last_status(entries) != RewardStatus.REJECTED:
            whose = (first.campaign_id, OWNERS[first.code])
            if caps.per_referrer is not None:
                users[limit_key("cap_per_referrer", *whose)].add(first.user_id)
            if caps.per_referrer_per_day is not None:
                key = limit_key("cap_per_referrer_per_day", *whose, at=first.action_time)
                users[key].add(first.user_id)
    taken = +taken
    expected = taken | {key: len(names) for key, names in (users | orders).items()}
    known = {
        key: msgspec.msgpack.decode(packed, type=LimitState).taken
        for key, packed in host.states(STAGES["limits"]).items()
    }
    assert {key: count for key, count in known.items() if count} == expected


@given(plans)
@settings(max_examples=60)
def test_a_budget_refuses_only_what_it_has_no_more_room_for(plan: list[Step]) -> None:
    """Inputs come one by one, so nothing else is on its way."""
    host = played(inputs_of(plan))
    so_far: dict[str, list[RewardDecided]] = defaultdict(list)
    asked: Counter[tuple[str, str, str]] = Counter()
    for entry in ledger(host):
        if entry.status == RewardStatus.REJECTED:
            asked[entry.code, entry.user_id, entry.action] += entry.value_micros
    for entry in ledger(host):
        if entry.reasons[:1] == [Reason.CAP_BUDGET]:
            budget = {"join": JOIN, "buy": BUY}[entry.campaign_id or ""].budget_micros
            spent = sum(
                spent_on(entries)
                for entries in so_far.values()
                if (entries[0].campaign_id, entries[0].currency) == (entry.campaign_id, "USD")
            )
            value = asked[entry.code, entry.user_id, entry.action]
            assert spent + value > (budget or 0)
        so_far[entry.reward_id].append(entry)


def spent_on(entries: list[RewardDecided]) -> Micros:
    """The part of budgets that a reward takes, by its entries."""
    spent, was_delivered = 0, False
    for entry in entries:
        match entry.status:
            case RewardStatus.FULFILLED:
                before = spent if was_delivered else 0  # a delivery again is of a part of it
                spent = max(before, entry.value_micros + (entry.clawback_micros or 0))
                was_delivered = True
            case RewardStatus.REVERSED if was_delivered or Reason.DISPUTED in entry.reasons:
                pass
            case RewardStatus.GRANTED if was_delivered:
                pass
            case RewardStatus.REVERSED if is_part(entry):
                spent -= entry.value_micros
            case RewardStatus.REVERSED:
                spent = entry.clawback_micros or 0
            case RewardStatus.HELD | RewardStatus.GRANTED:
                spent = entry.value_micros
            case RewardStatus.REJECTED | RewardStatus.EXPIRED:
                spent = entry.clawback_micros or 0  # delivered, although a dispute had been lost
    return spent


def delivered_late(entries: list[RewardDecided]) -> Micros:
    """The amount delivered after the reward's release: it is spent whatever is left."""
    released = RewardStatus.REVERSED, RewardStatus.EXPIRED
    is_late = any(entry.status in released for entry in entries)
    return spent_on(entries) if is_late else 0


def _check_users(granted: list[RewardDecided], caps: Caps) -> None:
    def most(*keys: str, by_day: bool) -> int:
        users = defaultdict(set)
        for grant in filter(is_referral, granted):
            whose = {"code": grant.code, "owner": OWNERS[grant.code]}
            users[(*(whose[key] for key in keys), day_of(grant) if by_day else 0)].add(
                grant.user_id
            )
        return max(map(len, users.values()), default=0)

    for cap, count in (
        (caps.per_code, most("code", by_day=False)),
        (caps.per_code_per_day, most("code", by_day=True)),
        (caps.per_referrer, most("owner", by_day=False)),
        (caps.per_referrer_per_day, most("owner", by_day=True)),
    ):
        assert cap is None or count <= cap


def day_of(entry: RewardDecided) -> int:
    assert entry.action_time is not None
    return entry.action_time // DAY


def is_referral(entry: RewardDecided) -> bool:
    return entry.role != Role.MILESTONE


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
    inputs = inputs_of(plan)
    once, often = played(inputs), played(in_time(with_repetitions(inputs, again)))
    assert often.ledger() == once.ledger()
    assert [entry.event_id for entry in ledger(often)] == [entry.event_id for entry in ledger(once)]
    assert balances(often) == balances(once)


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


def packed(records: object) -> list[bytes]:
    return sorted(msgspec.json.encode(record) for record in records)  # type: ignore[attr-defined]


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
