"""The funnel over random events equals one counted in Python, however they are loaded."""

import asyncio
from collections import Counter, defaultdict
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clickhouse import ClickHouse
from support.programme import T0, attributed, code, entry

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.events import AnyEvent, Click, FormStarted, Purchase, Signup, View
from reftrail.contracts.money import amount_text
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CODES, EVENTS, REWARDS
from reftrail.reports.catalogue import ask, find
from reftrail.reports.questions import question

CODES_KNOWN = {"A": ("spring", "books", None), "B": ("autumn", None, "mail")}

KINDS: tuple[type[AnyEvent], ...] = (View, Click, FormStarted, Signup, Purchase)

maybe = st.sampled_from
ids = st.integers(0, 25).map(lambda number: f"e{number}")
times = st.integers(0, 3 * DAY).map(lambda ms: T0 + ms)


@st.composite
def events(draw: st.DrawFn) -> AnyEvent:
    kind = draw(st.sampled_from(KINDS))
    fields: dict[str, Any] = {
        "event_id": draw(ids),
        "event_time": draw(times),
        "received_at": T0 + draw(st.integers(0, 2)),
        "visitor_id": draw(maybe(["v1", "v2"])),
        "code": draw(maybe([None, "A", "B", "X"])),
        "campaign_id": draw(maybe([None, "spring", "other"])),
        "category": draw(maybe([None, "toys"])),
        "channel": draw(maybe([None, "web"])),
        "is_bot": draw(st.booleans()),
    }
    if kind not in (Signup, Purchase):
        fields["key_kind"] = draw(maybe([None, "secret", "publishable"]))
    else:
        fields["user_id"] = draw(maybe(["u1", "u2", "u3"]))
    if kind is Purchase:
        fields |= {"order_id": draw(maybe(["o1", "o2"])), "amount_micros": 1, "currency": "USD"}
    return kind(**fields)


attributions = st.dictionaries(
    st.sampled_from(["u1", "u2", "u3"]),
    st.tuples(st.sampled_from(["A", "B", "X"]), st.sampled_from(["first_touch", "typed_code"])),
    max_size=3,
)
grants = st.dictionaries(
    st.sampled_from(["r1", "r2", "r3", "r4"]),
    st.tuples(st.sampled_from(["A", "B", "X"]), st.integers(1, 10**9), st.booleans()),
)


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(events(), max_size=40, unique_by=lambda event: (event.event_id, event.received_at)),
    attributions,
    grants,
    st.lists(st.sampled_from(["campaign", "category", "channel", "code"]), min_size=1, unique=True),
)
def test_the_funnel_equals_the_oracle(
    clickhouse: ClickHouse,
    given_events: list[AnyEvent],
    given_attributions: dict[str, tuple[str, str]],
    given_grants: dict[str, tuple[str, int, bool]],
    by: list[str],
) -> None:
    clickhouse.empty()
    decided = [
        attributed(user, code, basis=basis) for user, (code, basis) in given_attributions.items()
    ]
    ledger = [
        entry(reward, code, "u", value=value, campaign_id=None, status=status)
        for reward, (code, value, is_reversed) in given_grants.items()
        for status in (["granted", "reversed"] if is_reversed else ["granted"])
    ]

    async def load() -> None:
        await clickhouse.load(
            CODES,
            [
                code(name, campaign, category=category, channel=channel)
                for name, (campaign, category, channel) in CODES_KNOWN.items()
            ],
        )
        half = len(given_events) // 2
        await clickhouse.load(EVENTS, given_events[:half], 0)
        await clickhouse.load(EVENTS, given_events[half:], 1)
        await clickhouse.load(ATTRIBUTIONS, decided)
        await clickhouse.load(REWARDS, ledger)

    asyncio.run(load())
    counted = _oracle(given_events, decided, ledger, by)

    answer = ask(clickhouse.reading, find("funnel"), question(by, None, None), None)

    columns = answer.columns[: len(by)]
    found = {tuple(row[column] for column in columns): row for row in answer.rows}
    assert {
        key: {name: row[name] for name in counted[key]} for key, row in found.items()
    } == counted


def _oracle(
    given_events: list[AnyEvent],
    decided: list[Attributed],
    ledger: list[RewardDecided],
    by: list[str],
) -> dict[tuple[str | None, ...], dict[str, Any]]:
    names = {
        "view": "views",
        "click": "clicks",
        "form_started": "forms_started",
        "signup": "signups",
        "purchase": "purchases",
    }
    attribution = {attributed.user_id: attributed for attributed in decided}
    counts: dict[tuple[str | None, ...], Counter[str]] = defaultdict(Counter)
    stored = _first_received(given_events)
    for event in _conversions_once(stored):
        kind = str(event.__struct_config__.tag)
        owner: Any = event
        if isinstance(event, Signup | Purchase):
            owner = attribution.get(event.user_id)
        elif event.is_bot:
            continue
        counts[_key(owner, by)][names[kind]] += 1
        if isinstance(event, Signup) and owner is not None and owner.basis == "typed_code":
            counts[_key(owner, by)]["typed_signups"] += 1
    for key, (clicked, signed_up) in _visitors(stored, attribution, by).items():
        counts[key]["visitors_clicked"] = len(clicked)
        counts[key]["visitors_signed_up"] = len(signed_up)
    for decision in decided:
        counts[_key(decision, by)]["attributed"] += 1
    taken_back = {entry.reward_id for entry in ledger if entry.status == "reversed"}
    for decided_reward in ledger:
        if decided_reward.status == "granted":
            counts[_key(decided_reward, by)]["rewards_granted"] += 1
            value = 0 if decided_reward.reward_id in taken_back else decided_reward.value_micros
            counts[_key(decided_reward, by)]["micros"] += value
    measured = (*names.values(), "attributed", "rewards_granted", "typed_signups")
    measured += ("visitors_clicked", "visitors_signed_up")
    return {
        key: {name: count[name] for name in measured}
        | {
            "reward_value": amount_text(count["micros"], "USD"),
            "conversion_rate": _rate(count["visitors_signed_up"], count["visitors_clicked"]),
        }
        for key, count in counts.items()
        if count.total()
    }


def _rate(part: int, whole: int) -> float | None:
    if not whole:
        return None
    assert part <= whole
    return round(part / whole, 4)


def _visitors(
    stored: list[AnyEvent], attribution: dict[str, Attributed], by: list[str]
) -> dict[tuple[str | None, ...], tuple[set[str], set[str]]]:
    """The visitors who clicked, and those who then signed up under the code that they clicked."""
    found: dict[tuple[str | None, ...], tuple[set[str], set[str]]] = defaultdict(
        lambda: (set(), set())
    )
    for click in stored:
        if not isinstance(click, Click) or click.is_bot:
            continue
        clicked, signed_up = found[_key(click, by)]
        clicked.add(click.visitor_id)
        for signup in stored:
            if isinstance(signup, Signup) and signup.visitor_id == click.visitor_id:
                decision = attribution.get(signup.user_id)
                is_same = (decision and decision.code) == click.code
                if is_same and signup.event_time >= click.event_time:
                    signed_up.add(click.visitor_id)
    return found


def _conversions_once(stored: list[AnyEvent]) -> list[AnyEvent]:
    """Without a user's further signups, and reports of an order under a second event id."""
    known: set[tuple[str, ...]] = set()
    found: list[AnyEvent] = []
    for event in sorted(stored, key=lambda event: (event.received_at, event.event_id)):
        match event:
            case Signup(user_id=user):
                what: tuple[str, ...] = ("signup", user)
            case Purchase(user_id=user, order_id=order):
                what = ("purchase", user, order)
            case _:
                what = ("event", event.event_id, type(event).__name__, event.key_kind or "")
        if what not in known:
            known.add(what)
            found.append(event)
    return found


def _first_received(given_events: list[AnyEvent]) -> list[AnyEvent]:
    """Of one id, type and kind of key that of the first load, in a load the one received first."""
    first: dict[tuple[str, type[AnyEvent], str | None], AnyEvent] = {}
    half = len(given_events) // 2
    for load in (given_events[:half], given_events[half:]):
        for event in sorted(load, key=lambda event: (event.received_at, encode(event))):
            first.setdefault((event.event_id, type(event), event.key_kind), event)
    return list(first.values())


def _key(owner: Any, by: list[str]) -> tuple[str | None, ...]:
    if owner is None:
        return (None,) * len(by)
    campaign, category, channel = CODES_KNOWN.get(owner.code, (None, None, None))
    dimensions = {
        "campaign": owner.campaign_id or campaign,
        "category": owner.category or category,
        "channel": owner.channel or channel,
        "code": owner.code,
    }
    return tuple(dimensions[name] for name in by)
