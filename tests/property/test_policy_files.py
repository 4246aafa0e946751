"""Files of policies: where things stand in them, and whether they say what they are made of."""

import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import tomlkit
from hypothesis import assume, given
from hypothesis import strategies as st

from reftrail.campaigns import as_toml, differences, next_version
from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.evidence import REASONS, UNITS
from reftrail.campaigns.toml_file import Where, parse_toml
from reftrail.campaigns.units import LONGEST, MOST_MONTHS
from reftrail.campaigns.validation import validated
from reftrail.campaigns.wire import campaign_of, rules_of
from reftrail.contracts.money import Money
from reftrail.contracts.policy import (
    Adjustments,
    Arm,
    ArmReward,
    ArmUnit,
    AtHoldsEnd,
    BudgetCounts,
    Caps,
    Experiment,
    Fraud,
    Milestone,
    MilestoneKind,
    OnRefund,
    OrderIds,
    Policy,
    Scope,
    TermsFrom,
    policy_text,
)
from reftrail.contracts.reference import CampaignDefined, Trigger
from reftrail.contracts.side_rules import Band, Percent, RewardValue, SideRules, Tier
from reftrail.rules.touch.state import LATE

KEYS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=6)
LEAVES = (
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=10)
    | st.floats(allow_nan=False)
    | st.datetimes(min_value=datetime(1000, 1, 1))  # noqa: DTZ001  (TOML has local times)
    | st.dates(min_value=date(1000, 1, 1))
)
VALUES = st.recursive(
    LEAVES,
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(KEYS, inside, max_size=3)
        | st.lists(st.dictionaries(KEYS, inside, max_size=3), min_size=1, max_size=3)
    ),
    max_leaves=12,
)


def values_in(value: Any, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    if where:
        yield where, value
    inside = value.items() if isinstance(value, dict) else ()
    for name, part in enumerate(value) if isinstance(value, list) else inside:
        yield from values_in(part, (*where, name))


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_value_stands_where_it_is_said_to(content: dict[str, Any]) -> None:
    text = tomlkit.dumps(content)
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)  # what tomlkit writes isn't always TOML
    file = parse_toml(text, Path("any.toml"))
    for where, value in values_in(read):
        at = file.values[where]
        rest = file.lines[at.line - 1][at.column - 1 :]
        match value:
            case bool():
                assert rest.startswith("true" if value else "false")
            case int():
                assert rest.startswith(str(value))
            case str():
                assert rest.startswith(('"', "'"))
            case date():
                assert rest.startswith(value.isoformat()[:10])


durations = st.integers(0, LONGEST)
counts = st.integers(1, 2**31 - 1)
caps = st.none() | counts
months = st.none() | st.integers(1, MOST_MONTHS)
words = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), min_size=1, max_size=20
).filter(str.strip)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "XAU", "points", "air-miles"])
times = st.none() | st.integers(946_684_800, 4_000_000_000).map(
    lambda second: second * 1000  # since 2000
)


def amounts(currency: str, least: int = 0) -> st.SearchStrategy[int]:
    """Whole minor units, in micros."""
    most = Money.nearest(10**18, currency).minor - 1
    return st.integers(least, most).map(lambda minor: Money(minor, currency).micros)


def shares(currency: str) -> st.SearchStrategy[Percent]:
    """A reward in percent; of a kind that may be one, credit."""
    most = st.none() | amounts(currency)
    return st.builds(Percent, rate=st.integers(1, 1_000_000), maximum_micros=most)


@st.composite
def policies(draw: st.DrawFn, currency: str) -> Policy:
    grant_up_to = draw(st.integers(0, 999))
    limited = draw(st.lists(st.sampled_from(sorted(UNITS)), unique=True, max_size=3))
    names = draw(st.lists(words, unique=True, max_size=3))
    return Policy(
        scope=draw(st.sampled_from(Scope)),
        repeats=draw(st.integers(0, 2**31 - 1)),
        hold_for=draw(durations),
        expires_after=draw(st.none() | durations),
        backdated_touch_for=draw(durations),
        on_refund=draw(st.sampled_from(OnRefund)),
        order_ids=draw(st.sampled_from(OrderIds)),
        checkout_tolerance=draw(durations),
        new_customers_only=draw(st.booleans()),
        terms_from=draw(st.sampled_from(TermsFrom)),
        once_per_email=draw(st.booleans()),
        caps=Caps(
            per_code=draw(caps),
            per_code_per_day=draw(caps),
            per_referrer=draw(caps),
            per_referrer_per_day=draw(caps),
            budget_micros=draw(st.none() | amounts(currency)),
            budget_per_day_micros=draw(st.none() | amounts(currency)),
            budget_counts=draw(st.sampled_from(BudgetCounts)),
        ),
        adjustments=Adjustments(approval_above_micros=draw(st.none() | amounts(currency))),
        fraud=Fraud(
            grant_up_to=grant_up_to,
            reject_from=draw(st.integers(grant_up_to + 1, 1000)),
            weights=draw(
                st.dictionaries(st.sampled_from(REASONS), st.integers(0, 1000), max_size=3)
            ),
            limits={reason: draw(st.integers(0, 2**31 - 1)) for reason in limited},
            decisive=sorted(draw(st.sets(st.sampled_from(REASONS), max_size=3))),
            review_for=draw(durations),
            at_review_end=draw(st.sampled_from(AtHoldsEnd)),
        ),
        milestones=sorted(
            (draw(milestones(name)) for name in names), key=attrgetter("grants", "name")
        ),
        experiment=draw(st.none() | experiments(currency)),
    )


@st.composite
def experiments(draw: st.DrawFn, currency: str) -> Experiment:
    rewards = st.none() | amounts(currency).map(lambda value: ArmReward(value_micros=value))
    names = draw(st.lists(words, unique=True, min_size=2, max_size=4))
    return Experiment(
        by=draw(st.sampled_from(ArmUnit)),
        salt=draw(words),
        arms=[
            Arm(name=name, share=draw(counts), referrer=draw(rewards), referee=draw(rewards))
            for name in names
        ],
    )


@st.composite
def side_rules(
    draw: st.DrawFn, currency: str, share: Percent | None, trigger: Trigger
) -> SideRules:
    """Tiers, terms for later orders, bands, or none; all shares have one maximum."""
    by_order = trigger == Trigger.FIRST_PURCHASE
    ways = ["none", "tiers", "later", "bands"] if by_order else ["none", "tiers"]
    values: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"value_micros": amounts(currency)}
    )
    if share is not None:
        rates = st.integers(1, 1_000_000)
        percents = st.builds(Percent, rate=rates, maximum_micros=st.just(share.maximum_micros))
        values |= st.fixed_dictionaries({"percent": percents})
    match draw(st.sampled_from(ways)):
        case "tiers":
            numbers = sorted(draw(st.sets(counts, min_size=1, max_size=3)))
            return SideRules(tiers=[Tier(referrals=n, **draw(values)) for n in numbers])
        case "later":
            return SideRules(later=RewardValue(**draw(values)))
        case "bands":
            least = sorted(draw(st.sets(amounts(currency), min_size=1, max_size=3)))
            return SideRules(
                bands=[Band(amount_micros=n, value_micros=draw(amounts(currency))) for n in least]
            )
        case _:
            return SideRules()


@st.composite
def milestones(draw: st.DrawFn, name: str) -> Milestone:
    kind = draw(st.sampled_from(MilestoneKind))
    is_bonus = kind == MilestoneKind.BONUS
    currency = draw(currencies)
    return Milestone(
        name=name,
        kind=kind,
        grants=draw(counts),
        value_micros=draw(amounts(currency, 1)) if is_bonus else 0,
        currency=currency if is_bonus else None,
        item=draw(st.none() | words),
    )


@st.composite
def versions(draw: st.DrawFn) -> CampaignDefined:
    starts_at, ends_at = draw(times), draw(times)
    assume(starts_at is None or ends_at is None or starts_at < ends_at)
    trigger = draw(st.sampled_from(Trigger))
    currency = draw(currencies)
    policy = draw(policies(currency))
    if trigger == Trigger.NTH_PURCHASE:
        policy = msgspec.structs.replace(policy, trigger_count=draw(counts))
    if trigger != Trigger.SIGNUP:
        policy = msgspec.structs.replace(policy, earning_months=draw(months))
    share = draw(st.none() | shares(currency)) if trigger == Trigger.FIRST_PURCHASE else None
    rules = draw(side_rules(currency, share, trigger))
    if rules.bands:
        share = None
    policy = msgspec.structs.replace(policy, referrer=share, referrer_rules=rules)
    return CampaignDefined(
        event_id="",
        event_time=0,
        received_at=0,
        campaign_id="any",
        version=1,
        effective_from=0,
        name=draw(words),
        category=draw(st.none() | words),
        starts_at=starts_at,
        ends_at=ends_at,
        attribution_window_ms=draw(durations),
        counts_views=draw(st.booleans()),
        typed_code_wins=draw(st.booleans()),
        late_touch_grace_ms=draw(st.integers(0, LATE)),
        trigger=trigger,
        minimum_amount_micros=draw(amounts(currency, 1)),
        referrer_reward_micros=(
            draw(amounts(currency)) if share is None and not rules.bands else 0
        ),
        referrer_reward_item=draw(st.none() | words),
        referee_reward_micros=draw(amounts(currency)),
        referee_reward_kind=draw(words),
        referee_reward_item=draw(words),
        reward_currency=currency,
        policy=policy_text(policy),
    )


@given(versions())
def test_a_version_is_what_its_file_defines(version: CampaignDefined) -> None:
    file = parse_toml(as_toml(version), Path("any.toml"))
    campaign = validated(file, Campaign, ("campaign",))
    again = next_version(campaign, version, at=1)
    assert rules_of(again.defined) == rules_of(version)
    assert not again.written


@given(versions(), versions())
def test_versions_differ_in_what_is_reported(old: CampaignDefined, new: CampaignDefined) -> None:
    changed = differences(old, new)
    assert (not changed) == (rules_of(old) == rules_of(new))
    assert not differences(old, old)
    assert campaign_of(old) == campaign_of(old)
