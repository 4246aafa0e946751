"""Report on the latest experiment of a campaign, arm by arm, against the first arm."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.money import amount_text
from reftrail.contracts.policy import Experiment, policy_in
from reftrail.contracts.record import Millis
from reftrail.reports.experiment.statistics import (
    Interval,
    chi_square,
    chi_square_p,
    difference,
    wilson,
)
from reftrail.reports.questions import BEGINNING, END, BadQuestion
from reftrail.reports.sql import rows

MISMATCH_BELOW: Final = 0.001
"""The probability below which a split counts as another one than was asked for."""

_LEAST_EXPECTED: Final = 5
"""The least number expected in an arm for which the test holds (Cochran 1954)."""

_COUNTS: Final = ("visitors", "visitors_signed_up", "visitors_qualified", "signups", "qualified")


@dataclass(frozen=True, slots=True)
class ExperimentAsked:
    """Scope of the report: a campaign, and the period of the touches that are looked at."""

    campaign: str
    since: datetime = BEGINNING
    until: datetime = END


@dataclass(frozen=True, slots=True)
class _Running:
    """The latest experiment, the time at which it began, and the shares asked for by version."""

    experiment: Experiment
    begun: Millis
    shares: Mapping[int, Mapping[str, float]]


def experiment(client: Client, asked: ExperimentAsked) -> dict[str, Any]:
    """The experiment's arms with their figures, and the test of its split; blocks.

    Raises `BadQuestion` if the campaign has no experiment.
    """
    running = _latest(asked.campaign, rows(client, "experiment/versions", campaign=asked.campaign))
    scope = {
        "campaign": asked.campaign,
        "begun": datetime.fromtimestamp(running.begun / 1000, UTC),
        "since": asked.since,
        "until": asked.until,
    }
    by = running.experiment.by.value
    counted = {row["arm"]: row for row in rows(client, "experiment/arms", **scope)}
    costs = rows(client, "experiment/costs", **scope)
    placed = rows(client, "experiment/split", **scope, by=by)
    names = [arm.name for arm in running.experiment.arms]
    names += sorted({row["arm"] for row in placed} | counted.keys() - set(names) - {None})
    names = list(dict.fromkeys(names))
    figures = [_figures(name, counted.get(name, {}), costs) for name in names]
    return {
        "campaign_id": asked.campaign,
        "by": by,
        "arms": [_compared(figure, figures[0]) for figure in figures],
        "split": split(placed, running.shares, names),
    }


def _latest(campaign: str, versions: Sequence[Mapping[str, Any]]) -> _Running:
    """The experiment of the last version that has one, and of those before with the same salt."""
    known = [(row, policy_in(row["policy"]).experiment) for row in versions]
    while known and known[-1][1] is None:
        known.pop()
    if not known:
        raise BadQuestion(f"campaign {campaign!r} has no experiment; give one that has arms")
    latest = known[-1][1]
    assert latest is not None
    begun, shares = 0, {}
    for row, found in reversed(known):
        if found is None or (found.salt, found.by) != (latest.salt, latest.by):
            break
        begun = row["effective_ms"]
        total = sum(arm.share for arm in found.arms)
        shares[row["version"]] = {arm.name: arm.share / total for arm in found.arms}
    return _Running(latest, begun, shares)


def _figures(
    arm: str, counted: Mapping[str, Any], costs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    cost = [
        {"currency": row["currency"], "cost": amount_text(row["cost_micros"], row["currency"])}
        for row in costs
        if row["arm"] == arm
    ]
    return {"arm": arm, **{name: counted.get(name, 0) for name in _COUNTS}, "costs": cost}


def _compared(figures: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """An arm's figures with its rates, and how much these are above those of the first arm."""
    found = dict(figures)
    for rate, counts in (
        ("signup_rate", "visitors_signed_up"),
        ("qualified_rate", "visitors_qualified"),
    ):
        share = wilson(figures[counts], figures["visitors"])
        base = wilson(first[counts], first["visitors"])
        found[rate] = _interval(share)
        apart = difference(share, base) if share and base and figures is not first else None
        found[f"{rate}_difference"] = _interval(apart)
    return found


def _interval(interval: Interval | None) -> dict[str, float] | None:
    if interval is None:
        return None
    return {name: round(value, 6) for name, value in interval._asdict().items()}


def split(
    placed: Sequence[Mapping[str, Any]],
    shares: Mapping[int, Mapping[str, float]],
    names: Sequence[str],
) -> dict[str, Any]:
    """The units in each arm, how many were to be expected, and the test of the two.

    Where versions had different shares, what each of them asks for is added up. The test then errs
    on the safe side: the statistic varies less than the distribution that it is held against.
    """
    units: dict[str, int] = defaultdict(int)
    expected: dict[str, float] = defaultdict(float)
    for row in placed:
        units[row["arm"]] += row["units"]
        for arm, share in shares.get(row["version"], {}).items():
            expected[arm] += row["units"] * share
    arms = [
        {"arm": name, "units": units[name], "expected": round(expected[name], 2)} for name in names
    ]
    tested = [name for name in names if expected[name] > 0]
    p = None
    if len(tested) > 1 and min(expected[name] for name in tested) >= _LEAST_EXPECTED:
        counts = [units[name] for name in tested]
        statistic = chi_square(counts, [expected[name] for name in tested])
        p = chi_square_p(statistic, len(tested) - 1)
    mismatch = p is not None and p < MISMATCH_BELOW
    return {
        "arms": arms,
        "p": p,
        "is_mismatch": mismatch,
        "warning": _warning(p) if mismatch else None,
    }


def _warning(p: float | None) -> str:
    return (
        f"sample ratio mismatch: the arms have other parts than were asked for (p = {p:.2g}), so "
        f"it isn't chance alone that says who is in which arm, and rates can't be compared; look "
        f"for touches that are lost or repeated in one arm only"
    )
