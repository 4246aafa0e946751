"""The report on an experiment against counts that were kept while it was played, on real rules."""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from support.authorizing import authorizing
from support.clickhouse import ClickHouse
from support.programme import T0, attributed, campaign, click, code, purchase, refund, signup

from reftrail.contracts.conversions import Touched
from reftrail.contracts.policy import (
    Arm,
    ArmReward,
    ArmUnit,
    Experiment,
    Fraud,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, Record
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    EVENTS,
    REWARDS,
    TOUCHES,
)
from reftrail.engine.memory import MemoryHost
from reftrail.reports.experiment import ExperimentAsked, experiment
from reftrail.reports.experiment.statistics import (
    Interval,
    chi_square_p,
    difference,
    wilson,
)
from reftrail.reports.questions import BadQuestion
from reftrail.rules.arms import Units, assigned_arm
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

UNIT = MICROS_PER_UNIT
Z = 1.959964


def comparing(
    *shares: int, salt: str = "s", by: ArmUnit = ArmUnit.VISITOR, **rules: Any
) -> CampaignDefined:
    names = ("control", "twenty", "thirty")
    arms = [
        Arm(name=name, share=share, referrer=ArmReward(value_micros=10 * (place + 1) * UNIT))
        for place, (name, share) in enumerate(zip(names, shares, strict=False))
    ]
    policy = Policy(
        experiment=Experiment(by=by, salt=salt, arms=arms),
        fraud=Fraud(grant_up_to=998, reject_from=999),
    )
    usual = {"trigger": "first_purchase", "referee_reward_micros": 5 * UNIT}
    return campaign("spring", policy=policy_text(policy), **(usual | rules))


def arm_of(defined: CampaignDefined, visitor: str, text: str = "AMY") -> str:
    arm = assigned_arm(defined, Units(visitor, text))
    assert arm is not None
    return arm


def asked(**period: Any) -> ExperimentAsked:
    return ExperimentAsked("spring", **period)


@dataclass
class Season:
    """Visitors of a campaign, and what has to be counted of each arm, kept as it happens."""

    defined: CampaignDefined
    chance: Random
    events: list[Record] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def visit(self, number: int) -> None:
        """Somebody clicks, may sign up and buy, and may send it back; or types the code in."""
        visitor, user, chance = f"v{number}", f"u{number}", self.chance
        at = T0 + number * HOUR
        arm = arm_of(self.defined, visitor)
        types_in = chance.random() < 0.1
        if not types_in:
            self.counts[arm, "visitors"] += 1
            self._send(click(visitor, "AMY", event_time=at, campaign_id="spring"))
            if chance.random() < 0.3:
                self._send(click(visitor, "AMY", event_time=at + 40 * DAY, campaign_id="spring"))
        if chance.random() < 0.5:
            return
        typed = {"code": "AMY", "campaign_id": "spring"} if types_in else {}
        self._send(signup(user, visitor, event_time=at + 1, **typed))
        self.counts[arm, "signups"] += 1
        self.counts[arm, "visitors_signed_up"] += not types_in
        if chance.random() < 0.4:
            return
        order = f"o{number}"
        self._send(purchase(user, event_time=at + DAY, order_id=order))
        if chance.random() < 0.3:
            self._send(refund(user, event_time=at + 2 * DAY, order_id=order))
            return
        self.counts[arm, "qualified"] += 1
        self.counts[arm, "visitors_qualified"] += not types_in
        self.counts[arm, "cost"] += {"control": 15, "twenty": 25, "thirty": 35}[arm]

    def _send(self, event: Record) -> None:
        self.events.append(msgspec.structs.replace(event, received_at=event.event_time))


async def played(
    clickhouse: ClickHouse, defined: CampaignDefined, number: int, seed: int
) -> Season:
    """A season decided on by the stages and loaded into the warehouse."""
    season = Season(defined, Random(seed))
    for place in range(number):
        season.visit(place)
    season.events.sort(key=lambda event: event.received_at)
    owned = code("AMY", "spring", owner_user_id="amy", event_time=0, received_at=0)
    host = MemoryHost(partitions=1)
    host.publish(CAMPAIGNS, defined)
    host.publish(CODES, owned)
    host.publish(EVENTS, *season.events)
    host.run()
    await clickhouse.load(CAMPAIGNS, [defined])
    for topic in (TOUCHES, ATTRIBUTIONS, REWARDS):
        records = [record for record in host.log(topic) if type(record) is topic.record]
        await clickhouse.load(topic, records)
    return season


@pytest.mark.parametrize("seed", range(3))
async def test_the_figures_are_those_of_what_was_played(clickhouse: ClickHouse, seed: int) -> None:
    season = await played(clickhouse, comparing(2, 1, 1), 400, seed)

    found = experiment(clickhouse.reading, asked())

    assert [arm["arm"] for arm in found["arms"]] == ["control", "twenty", "thirty"]
    first = found["arms"][0]
    for arm in found["arms"]:
        for name in (
            "visitors",
            "visitors_signed_up",
            "visitors_qualified",
            "signups",
            "qualified",
        ):
            assert arm[name] == season.counts[arm["arm"], name], name
        assert arm["costs"] == [
            {"currency": "USD", "cost": f"{season.counts[arm['arm'], 'cost']}.00"}
        ]
        for rate, counted in (
            ("signup_rate", "visitors_signed_up"),
            ("qualified_rate", "visitors_qualified"),
        ):
            assert arm[rate] == pytest.approx(
                wilson_by_search(arm[counted], arm["visitors"]), abs=1e-5
            )
            apart = arm[f"{rate}_difference"]
            if arm is first:
                assert apart is None
            else:
                assert apart["estimate"] == pytest.approx(
                    arm[rate]["estimate"] - first[rate]["estimate"], abs=2e-6
                )
                assert apart["low"] < apart["estimate"] < apart["high"]
    split = found["split"]
    assert not split["is_mismatch"]
    total = sum(season.counts[arm["arm"], "visitors"] for arm in found["arms"])
    for arm, share in zip(split["arms"], (0.5, 0.25, 0.25), strict=True):
        assert arm["units"] == season.counts[arm["arm"], "visitors"]
        assert arm["expected"] == pytest.approx(total * share, abs=0.01)


def wilson_by_search(successes: int, trials: int) -> dict[str, float]:
    """The shares at which the score test just doesn't reject, found by bisection."""
    share = successes / trials

    def bound(inside: float, outside: float) -> float:
        for _ in range(60):
            middle = (inside + outside) / 2
            error = math.sqrt(middle * (1 - middle) / trials)
            if abs(share - middle) <= Z * error:
                inside = middle
            else:
                outside = middle
        return inside

    return {"estimate": share, "low": bound(share, 0), "high": bound(share, 1)}


def test_intervals_are_those_of_published_tables() -> None:
    """Newcombe 1998, pages 857 and 873: table I of single proportions, table II of differences."""
    single = wilson(81, 263)
    assert single is not None
    assert (round(single.low, 4), round(single.high, 4)) == (0.2553, 0.3662)
    none = wilson(0, 20)
    assert none is not None
    assert (none.low, round(none.high, 4)) == (0, 0.1611)
    assert wilson(0, 0) is None
    one, two = wilson(56, 70), wilson(48, 80)
    assert one is not None
    assert two is not None
    apart = difference(one, two)
    assert [round(value, 4) for value in apart] == [0.2, 0.0524, 0.3339]
    assert difference(Interval(0.5, 0.4, 0.6), Interval(0.5, 0.5, 0.5)).low == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("degrees", "statistic"), [(1, 10.828), (2, 13.816), (3, 16.266), (4, 18.467), (7, 24.322)]
)
def test_the_chi_square_distribution_is_that_of_tables(degrees: int, statistic: float) -> None:
    assert chi_square_p(statistic, degrees) == pytest.approx(0.001, rel=1e-3)
    assert chi_square_p(0, degrees) == pytest.approx(1)


def touch(visitor: str, arm: str, number: int = 0, **given: Any) -> Touched:
    fields: dict[str, Any] = {
        "event_id": f"touch {visitor} {number}",
        "event_time": T0,
        "received_at": T0,
        "cause_topic": "events",
        "cause_partition": 0,
        "cause_offset": number,
        "cause_event_id": "click",
        "rules": "3",
        "visitor_id": visitor,
        "type": "click",
        "code": "AMY",
        "campaign_id": "spring",
        "touch_event_id": "click",
        "expires_at": T0 + DAY,
        "arm": arm,
    }
    return Touched(**(fields | given))


def touches(**arms: int) -> list[Touched]:
    return [touch(f"{arm} {n}", arm) for arm, count in arms.items() for n in range(count)]


@pytest.mark.parametrize(
    ("counts", "is_mismatch"),
    [((500, 500), False), ((450, 550), False), ((440, 560), True), ((900, 100), True)],
)
async def test_a_split_that_chance_hardly_gives_is_a_mismatch(
    clickhouse: ClickHouse, counts: tuple[int, int], is_mismatch: bool
) -> None:
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1)])
    await clickhouse.load(TOUCHES, touches(control=counts[0], twenty=counts[1]))

    split = experiment(clickhouse.reading, asked())["split"]

    assert split["is_mismatch"] is is_mismatch
    assert ("sample ratio mismatch" in (split["warning"] or "")) is is_mismatch


async def test_the_split_asked_for_is_that_of_each_version(clickhouse: ClickHouse) -> None:
    later = comparing(1, 9, version=2, effective_from=T0 + DAY)
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1), later])
    second = [touch(f"later {n}", "twenty", event_time=T0 + DAY) for n in range(90)]
    second += [touch(f"late {n}", "control", event_time=T0 + DAY) for n in range(10)]
    await clickhouse.load(TOUCHES, [*touches(control=50, twenty=50), *second])

    split = experiment(clickhouse.reading, asked())["split"]

    assert split["arms"] == [
        {"arm": "control", "units": 60, "expected": 60.0},
        {"arm": "twenty", "units": 140, "expected": 140.0},
    ]
    assert split["p"] == pytest.approx(1)


async def test_few_visitors_are_no_evidence(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1)])
    await clickhouse.load(TOUCHES, touches(control=9))
    split = experiment(clickhouse.reading, asked())["split"]
    assert (split["p"], split["is_mismatch"]) == (None, False)


async def test_by_code_the_codes_are_what_is_split(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1, by=ArmUnit.CODE)])
    records = [touch(f"v{n}", "control", code="AMY") for n in range(30)]
    records += [touch(f"w{n}", "control", code="amy") for n in range(30)]
    records += [touch(f"x{n}", "twenty", code=f"C{n}") for n in range(2)]
    await clickhouse.load(TOUCHES, records)

    found = experiment(clickhouse.reading, asked())

    assert [arm["units"] for arm in found["split"]["arms"]] == [1, 2]
    assert [arm["visitors"] for arm in found["arms"]] == [60, 2]
    assert not found["split"]["is_mismatch"]


async def test_another_salt_is_another_experiment(clickhouse: ClickHouse) -> None:
    later = comparing(1, 1, salt="t", version=2, effective_from=T0 + DAY)
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1), later])
    again = [touch("control 0", "twenty", 1, event_time=T0 + 2 * DAY)]
    await clickhouse.load(TOUCHES, [*touches(control=3, twenty=3), *again])
    await clickhouse.load(
        ATTRIBUTIONS,
        [
            attributed("old", "AMY", campaign_id="spring", arm="control", touch_time=T0),
            attributed("new", "AMY", campaign_id="spring", arm="control", touch_time=T0 + 2 * DAY),
        ],
    )

    arms = experiment(clickhouse.reading, asked())["arms"]

    assert [(arm["visitors"], arm["signups"]) for arm in arms] == [(0, 1), (1, 0)]


async def test_a_visitor_who_touches_elsewhere_later_stays_in_the_count(
    clickhouse: ClickHouse,
) -> None:
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1)])
    elsewhere = touch("control 0", "x", 9, campaign_id="autumn", event_time=T0 + 90 * DAY)
    await clickhouse.load(TOUCHES, [*touches(control=2), elsewhere])
    await clickhouse.load(TOUCHES, touches(control=2))
    clickhouse.writing.command("OPTIMIZE TABLE touches FINAL")

    (control, _) = experiment(clickhouse.reading, asked())["arms"]

    assert control["visitors"] == 2, "each once, however often it was loaded"


async def test_a_period_is_that_of_the_touches(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1)])
    late = touch("late", "control", event_time=T0 + DAY)
    await clickhouse.load(TOUCHES, [*touches(control=2), late])

    since = datetime.fromtimestamp((T0 + DAY) / 1000, UTC)
    assert experiment(clickhouse.reading, asked(since=since))["arms"][0]["visitors"] == 1
    assert experiment(clickhouse.reading, asked(until=since))["arms"][0]["visitors"] == 2


async def test_an_experiment_that_has_ended_is_still_reported(clickhouse: ClickHouse) -> None:
    ended = campaign("spring", version=2, effective_from=T0 + DAY)
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1), ended])
    await clickhouse.load(TOUCHES, touches(control=2, twenty=1))
    arms = experiment(clickhouse.reading, asked())["arms"]
    assert [arm["visitors"] for arm in arms] == [2, 1]


async def test_without_an_experiment_there_is_nothing_to_compare(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [campaign("spring")])
    with pytest.raises(BadQuestion, match="'spring' has no experiment"):
        experiment(clickhouse.reading, asked())


async def test_over_http(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [comparing(1, 1)])
    await clickhouse.load(TOUCHES, touches(control=4))
    app = application(
        clickhouse.reading,
        clickhouse.reading,
        authorizing("sk"),
        LoadedPositions(),
        WarehouseMetrics(),
    )
    headers = {"authorization": "Bearer sk"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://warehouse", headers=headers
    ) as client:
        found = (await client.get("/v1/experiments/spring")).json()
        assert (found["campaign_id"], found["by"]) == ("spring", "visitor")
        assert found["arms"][0]["visitors"] == 4
        refused = await client.get("/v1/experiments/winter")
        assert refused.status_code == 422
        assert "has no experiment" in refused.json()["detail"]
        assert (await client.get("/v1/experiments/spring?from=soon")).status_code == 422


async def test_a_load_that_was_cut_off_before_the_arms_were_written_is_made_up_for(
    clickhouse: ClickHouse,
) -> None:
    """Recovery repeats the insert under its token: what is missing follows, and nothing else."""
    names = ("visitor_id", "event_id", "code", "campaign_id", "arm")
    rows = [{name: getattr(touch, name) for name in names} for touch in touches(control=3)]
    block = b"\n".join(map(msgspec.json.encode, rows))
    insert: dict[str, Any] = {
        "insert_block": block,
        "fmt": "JSONEachRow",
        "settings": {"insert_deduplication_token": "range"},
    }
    clickhouse.writing.raw_insert("touches", **insert)
    clickhouse.writing.command("TRUNCATE TABLE touched_arms")

    clickhouse.writing.raw_insert("touches", **insert)

    for table in ("touches", "touched_arms"):
        assert clickhouse.rows(f"SELECT count() FROM {table}") == [(3,)]
