"""The report on an experiment against counts that were kept while it was played, on real rules."""

import math
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import msgspec
import pytest
from support.clickhouse import ClickHouse
from support.experiments import asked, comparing
from support.programme import T0, click, code, purchase, refund, signup

from reftrail.contracts.record import DAY, HOUR, Record
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS, REWARDS, TOUCHES
from reftrail.engine.memory import MemoryHost
from reftrail.reports.experiment import experiment
from reftrail.reports.experiment.statistics import Interval, chi_square_p, difference, wilson
from reftrail.rules.arms import Units, assigned_arm

Z = 1.959964


def arm_of(defined: CampaignDefined, visitor: str, text: str = "AMY") -> str:
    arm = assigned_arm(defined, Units(visitor, text))
    assert arm is not None
    return arm


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
