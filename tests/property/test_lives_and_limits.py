"""Limits of rewards through their lives: never exceeded, and never refused without a cause."""

from collections import Counter, defaultdict

import msgspec
from hypothesis import given, settings
from property.life_entries import is_referral, last_status, lives, was_paid_back
from property.lives import BUY, JOIN, MOST_USES, OWNERS, inputs_of, ledger, plans, played
from property.plan_step import Step
from property.programmes import Manner, manners

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.policy import Caps
from reftrail.contracts.record import DAY, Micros
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.engine.topology import STAGES
from reftrail.rules.limit_names import limit_key
from reftrail.rules.limits import LimitState


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
