"""Splits of visitors by an experiment: whom the report counts, and when it warns."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from support.clickhouse import ClickHouse
from support.experiments import asked, comparing, touch, touches
from support.programme import T0, attributed, campaign
from support.reports_http import WITH_KEY, reports_http

from reftrail.contracts.policy import ArmUnit
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, TOUCHES
from reftrail.reports.experiment import experiment
from reftrail.reports.questions import BadQuestion


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
    async with reports_http(clickhouse) as client:
        client.headers.update(WITH_KEY)
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
