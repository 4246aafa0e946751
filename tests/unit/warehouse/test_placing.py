"""Placed facts are what the views say, whatever has changed since they were placed before."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing
from itertools import count
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from support.authorizing import authorizing
from support.clickhouse import ClickHouse, over_http
from support.placing import AS_OF, placed_facts
from support.programme import (
    T0,
    attributed,
    campaign,
    click,
    code,
    entry,
    purchase,
    refund,
    signup,
    users_merged,
    view,
)

from reftrail.contracts.record import DAY, HOUR
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    CONVERSIONS,
    EVENTS,
    REWARDS,
)
from reftrail.reports.analysts.sql_query import of_placed
from reftrail.reports.catalogue import ask, catalogue, find
from reftrail.reports.placed_facts import PlacedFacts
from reftrail.reports.questions import Question, question
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.placing import content as content_module
from reftrail.warehouse.placing import placer as placer_module
from reftrail.warehouse.placing.content import content_version, tables_of_views
from reftrail.warehouse.placing.placer import Placer
from reftrail.warehouse.placing.tables import Placing
from reftrail.warehouse.placing.visits import PlacedVisits
from reftrail.warehouse.progress import LoadedPositions

KEY = {"authorization": "Bearer sk_one"}
ADD = """
INSERT INTO events SETTINGS insert_deduplicate = 0
SELECT e.* REPLACE ('more' AS event_id) FROM events AS e WHERE e.event_id = 'e2'
"""
ALL = question(["all"], None, None)
BY_EVERYTHING = question(
    ["campaign", "category", "channel", "source", "code", "country"], None, None
)
BY_DAY = question(
    ["day"],
    "2026-09-20",
    "2026-09-30",
    time_zone="Asia/Kolkata",
    filters={"campaign": ["spring"]},
)
BY_CODE = question(["campaign", "category", "channel", "source", "code"], None, None)
OF_A_SOURCE = question(["source", "day"], None, None, filters={"source": ["newsletter"]})
BY_UTC_DAY = question(["day", "code"], "2026-09-20", "2026-09-30")
WITHIN_DAYS = question(["code"], "2026-09-21T13:30:00.001Z", "2026-09-23T14:13:20.001Z")
CHANGING = (
    ("funnel", BY_EVERYTHING),
    ("funnel", WITHIN_DAYS),
    ("funnel", OF_A_SOURCE),
    ("codes", ALL),
    ("campaigns", BY_EVERYTHING),
    ("data_quality", BY_CODE),
    ("data_quality", OF_A_SOURCE),
)
"""Questions whose answers have something of all kinds of placed facts."""


@pytest.fixture
async def programme(clickhouse: ClickHouse) -> ClickHouse:
    """Two referred users of three, one of whom bought and earned."""
    await clickhouse.load(CAMPAIGNS, [campaign("spring", category="books")])
    await clickhouse.load(CODES, [code("A", "spring", owner_user_id="amy"), code("B", "autumn")])
    visits = [
        view("v1", "A", event_id="e1", campaign_id="spring", utm_source="poster"),
        view("v1", "A", event_id="e6", campaign_id="spring", utm_source="newsletter"),
        click(
            "v1", "A", event_id="e2", event_time=T0 + HOUR, country="DE", utm_source="newsletter"
        ),
        click(
            "v2",
            "B",
            event_id="e3",
            event_time=T0 + DAY,
            category="toys",
            channel="mail",
            utm_source="newsletter",
        ),
        click("v3", None, event_id="e4", event_time=T0 + 2 * DAY),
        click("v4", "LATER", event_id="e5", event_time=T0 + 2 * DAY),
    ]
    deeds = [
        signup("bob", "v1", event_id="s1", event_time=T0 + 2 * HOUR),
        signup("cleo", "v2", event_id="s2", event_time=T0 + DAY + HOUR),
        signup("dan", "v3", event_id="s3", event_time=T0 + 3 * DAY),
        purchase("bob", event_id="p1", order_id="o1", event_time=T0 + 3 * HOUR),
    ]
    await clickhouse.load(EVENTS, [*visits, *deeds])
    await clickhouse.load(
        ATTRIBUTIONS,
        [attributed("bob", "A", campaign_id="spring"), attributed("cleo", "B", event_id="d2")],
    )
    await clickhouse.load(REWARDS, [entry("r1", "A", "bob", value=5_000_000, beneficiary="amy")])
    return clickhouse


def differences(
    clickhouse: ClickHouse,
    placed: PlacedFacts,
    questions: Iterable[tuple[str, Question]] = CHANGING,
) -> Iterator[str]:
    """Reports that say something else of what is placed than of the views."""
    for name, asked in questions:
        of_views = ask(clickhouse.reading, find(name), asked, None)
        if ask(clickhouse.reading, find(name), asked, None, placed).rows != of_views.rows:
            yield f"{name} by {asked.by}"
    daily = "SELECT * FROM v_funnel_daily ORDER BY ALL"
    of_placed_rows = clickhouse.rows(of_placed(daily, placed.database))
    if of_placed_rows != clickhouse.rows(daily):
        yield "v_funnel_daily"


def funnel(clickhouse: ClickHouse, placed: PlacedFacts) -> list[dict[str, Any]]:
    asked = question(["campaign", "category", "code"], None, None)
    return ask(clickhouse.reading, find("funnel"), asked, None, placed).rows


@over_http
async def test_every_report_says_the_same_of_placed_facts(programme: ClickHouse) -> None:
    placed = placed_facts(programme)

    questions = [(name, ALL) for name in catalogue()]
    days = [
        (name, by) for name in ("funnel", "data_quality") for by in (BY_DAY, BY_UTC_DAY, BY_CODE)
    ]
    within = [(name, WITHIN_DAYS) for name in ("referrers", "data_quality")]
    asked = [*questions, *CHANGING, *days, *within]
    assert not list(differences(programme, placed, asked))
    rows = {row["code"]: row for row in funnel(programme, placed)}
    assert rows["A"]["clicks"] == rows["A"]["visitors_signed_up"] == 1
    assert (rows["A"]["views"], rows["A"]["visitors"]) == (2, 1)
    assert rows["LATER"]["campaign_id"] is None


async def correct(clickhouse: ClickHouse) -> None:
    later = attributed("cleo", "A", corrects="d2", campaign_id="spring", received_at=T0 + 1)
    await clickhouse.load(ATTRIBUTIONS, [later])


async def merge(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CONVERSIONS, [users_merged("cleo", "bob")])


async def register_what_was_used_before(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CODES, [code("LATER", "spring", channel="print")])


async def register_otherwise(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CODES, [code("A", "autumn", revision=2, category="games")])


async def name_the_category_otherwise(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CAMPAIGNS, [campaign("spring", version=2, category="music")])


async def pay_back(clickhouse: ClickHouse) -> None:
    await clickhouse.load(EVENTS, [refund("bob", order_id="o1", event_time=T0 + DAY)])


async def reverse(clickhouse: ClickHouse) -> None:
    reversal = entry("r1", "A", "bob", value=5_000_000, status="reversed", beneficiary="amy")
    await clickhouse.load(REWARDS, [reversal])


async def come_late(clickhouse: ClickHouse) -> None:
    await clickhouse.load(EVENTS, [click("v9", "A", event_id="late", event_time=T0)])


async def come_in_a_far_year(clickhouse: ClickHouse) -> None:
    far = {"in 2150": 5_700_000_000_000, "at the end of 9999": 253_402_300_799_000}
    clicks = [click("v9", "A", event_id=when, event_time=at) for when, at in far.items()]
    await clickhouse.load(EVENTS, clicks)


async def pseudonymise(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command(
        "ALTER TABLE events UPDATE visitor_id = 'x', country = '' WHERE visitor_id IN ('v1', 'v2')",
        settings={"mutations_sync": 1},
    )


async def erase(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("DELETE FROM events WHERE visitor_id = 'v1'")


async def erase_and_load_as_many(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("DELETE FROM events WHERE event_id = 'e2'")
    await come_late(clickhouse)


async def forget_the_month(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("ALTER TABLE events DROP PARTITION 202609")


@pytest.mark.parametrize(
    "change",
    [
        correct,
        merge,
        register_what_was_used_before,
        register_otherwise,
        name_the_category_otherwise,
        pay_back,
        reverse,
        come_late,
        come_in_a_far_year,
        pseudonymise,
        erase,
        erase_and_load_as_many,
        forget_the_month,
    ],
)
async def test_what_changes_reaches_placed_facts(programme: ClickHouse, change: Any) -> None:
    before = placed_facts(programme)
    await change(programme)

    assert list(differences(programme, before)), "the change is one that no report sees"
    assert not list(differences(programme, placed_facts(programme)))


def test_the_tables_of_a_view_are_known(clickhouse: ClickHouse) -> None:
    """A view is cloned from the placing before if none of these has changed since."""
    reads = tables_of_views(clickhouse.reading)

    assert reads["v_reward_balances"] == {"rewards"}
    assert reads["v_statement_lines"] >= {"statements", "statement_changes", "events", "merges"}
    known = content_module._READ
    words = (
        "SELECT name, extractAll(as_select, '[A-Za-z0-9_]+') FROM system.tables "
        "WHERE database = currentDatabase() AND engine = 'View'"
    )
    tables = {name for (name,) in clickhouse.rows("SHOW TABLES")} - {*reads, *known}
    read = {name: tables & {*found} for name, found in clickhouse.rows(words)}
    unknown = {name: found for name, found in read.items() if found and name.startswith("v_")}
    assert unknown.keys() <= {"v_reconciliation", "v_touch_credits"}  # a migration; a column's name


def count_each_row_twice(clickhouse: ClickHouse, database: str, names: Iterable[str]) -> None:
    """Mark placed facts, so that a copy of them can be told from what is placed again."""
    for name in names:
        clickhouse.writing.command(f"INSERT INTO {database}.{name} SELECT * FROM {database}.{name}")


@pytest.mark.parametrize(
    ("change", "placed_again"),
    [
        (reverse, {"v_reward_balances"}),
        (register_otherwise, {"v_codes"}),
        (name_the_category_otherwise, {"v_campaigns"}),
        (pay_back, {"v_orders"}),
        (erase, {"v_orders"}),
    ],
)
async def test_a_view_is_cloned_unless_one_of_its_tables_has_changed(
    programme: ClickHouse, change: Any, placed_again: set[str]
) -> None:
    names = ("v_campaigns", "v_codes", "v_orders", "v_reward_balances")
    placer = Placer(programme.writing, lambda: AS_OF)

    def place() -> tuple[str, dict[str, int]]:
        assert placer.place()
        facts = placer.facts(programme.reading, 0)
        assert facts is not None
        counts = {
            name: programme.rows(f"SELECT count() FROM {facts.database}.{name}")[0][0]
            for name in names
        }
        return facts.database, counts

    database, before = place()
    assert all(before.values())
    count_each_row_twice(programme, database, names)
    await change(programme)
    other_database, after = place()

    assert other_database != database
    assert after == {
        name: count if name in placed_again else 2 * count for name, count in before.items()
    }


async def test_a_view_whose_tables_changed_while_it_was_placed_is_not_cloned(
    programme: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    place = Placing.place

    def changing(placing: Placing, *given: Any) -> PlacedFacts:
        found = place(placing, *given)
        programme.writing.command("DELETE FROM rewards WHERE reward_id = 'r1'")
        return found

    with monkeypatch.context() as changed:
        changed.setattr(Placing, "place", changing)
        assert placer.place()
    assert placer.place()
    found = placer.facts(programme.reading, 0)
    assert found is not None
    assert programme.rows(f"SELECT count() FROM {found.database}.v_reward_balances") == [(0,)]


@over_http
async def test_only_days_that_changed_are_placed_again(programme: ClickHouse) -> None:
    placed = placed_facts(programme)
    visits = PlacedVisits(programme.writing, "default_placed_visits")

    assert visits.bring_up_to_date(placed) == []
    await come_late(programme)
    assert [f"{day}" for day in visits.bring_up_to_date(placed)] == ["2026-09-21"]


async def test_the_number_of_an_erased_visitor_is_forgotten(programme: ClickHouse) -> None:
    number = "SELECT count() FROM default_placed_visits.visitors WHERE visitor = sipHash64('v1')"
    placed_facts(programme)
    assert programme.rows(number) == [(1,)]

    await erase(programme)
    placed_facts(programme)
    assert programme.rows(number) == [(0,)]


async def register_as_before(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CODES, [code("A", "spring", revision=3, owner_user_id="amy")])


async def erase_what_came_late(clickhouse: ClickHouse) -> None:
    clickhouse.writing.command("DELETE FROM events WHERE event_id = 'late'")


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (register_otherwise, come_late),
        (register_otherwise, register_as_before),
        (come_late, erase_what_came_late),
    ],
)
async def test_a_placing_of_visits_that_was_cut_short_is_made_up_for(
    programme: ClickHouse, monkeypatch: pytest.MonkeyPatch, change: Any, after: Any
) -> None:
    placed_facts(programme)
    await change(programme)
    placed_at_all = PlacedVisits._place

    def cut_short(visits: PlacedVisits, days: Any, placed: PlacedFacts) -> None:
        placed_at_all(visits, days[:1], placed)
        raise ConnectionAbortedError

    with monkeypatch.context() as killed:
        killed.setattr(PlacedVisits, "_place", cut_short)
        with pytest.raises(ConnectionAbortedError):
            placed_facts(programme)

    await after(programme)
    assert not list(differences(programme, placed_facts(programme)))


async def test_an_event_that_came_and_went_while_its_day_was_placed_is_not_left_behind(
    programme: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed_facts(programme)
    await come_late(programme)
    place = PlacedVisits._place

    def coming(visits: PlacedVisits, days: Any, placed: PlacedFacts) -> None:
        programme.writing.command(ADD)
        place(visits, days, placed)

    with monkeypatch.context() as changed:
        changed.setattr(PlacedVisits, "_place", coming)
        assert Placer(programme.writing, lambda: AS_OF).place()
    programme.writing.command("DELETE FROM events WHERE event_id = 'more'")
    assert not list(differences(programme, placed_facts(programme)))


@over_http
async def test_merged_parts_are_no_change_and_a_deletion_is_one(programme: ClickHouse) -> None:
    await come_late(programme)
    before = content_version(programme.reading)
    programme.writing.command("OPTIMIZE TABLE events FINAL")
    assert content_version(programme.reading) == before

    programme.writing.command("DELETE FROM events WHERE event_id = 'nobody'")
    assert content_version(programme.reading) != before


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(placer_module, "monotonic", found)
    return found


async def test_facts_are_of_now_or_as_old_as_they_may_be(
    programme: ClickHouse, clock: Clock
) -> None:
    times = count(1)
    placer = Placer(programme.writing, lambda: f"time {next(times)}")
    reading = programme.reading

    assert placer.facts(reading, 900) is None
    assert placer.place()
    assert not placer.place()
    found = placer.facts(reading, 0)
    assert found is not None
    assert found.as_of == "time 3"

    await come_late(programme)
    clock.now += 10
    assert placer.facts(reading, 9) is None
    older = placer.facts(reading, 10)
    assert older is not None
    assert older.as_of == "time 2"


async def test_older_facts_stay_as_they_are_while_others_are_placed(
    programme: ClickHouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.place()
    seen: list[list[dict[str, Any]]] = []
    place = PlacedVisits._place

    def watched(visits: PlacedVisits, days: Any, placed: PlacedFacts) -> None:
        place(visits, days, placed)
        found = placer.facts(programme.reading, 60)
        assert found is not None
        seen.append(funnel(programme, found))

    found = placer.facts(programme.reading, 0)
    assert found is not None
    before = funnel(programme, found)
    await register_otherwise(programme)
    monkeypatch.setattr(PlacedVisits, "_place", watched)
    placer.place()
    assert seen == [before]
    found = placer.facts(programme.reading, 0)
    assert found is not None
    assert funnel(programme, found) != before


ERASE = "DELETE FROM events WHERE event_id = 's1'"


@pytest.mark.parametrize(("meanwhile", "are_offered"), [(ERASE, False), (ADD, True)])
async def test_facts_of_before_and_after_an_erasure_are_never_offered(
    programme: ClickHouse,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: str,
    are_offered: bool,
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    place, begun = Placing._place, count()

    def changing(placing: Placing, view: Any, order: str) -> None:
        place(placing, view, order)
        if next(begun) == 3:
            programme.writing.command(meanwhile)

    with monkeypatch.context() as changed:
        changed.setattr(Placing, "_place", changing)
        placer.place()
    clock.now += 10
    assert placer.facts(programme.reading, 0) is None
    assert (placer.facts(programme.reading, 60) is not None) == are_offered
    assert placer.place()
    assert placer.facts(programme.reading, 0) is not None


def asking(clickhouse: ClickHouse, placer: Placer, progress: LoadedPositions) -> httpx.AsyncClient:
    app = application(
        clickhouse.reading,
        clickhouse.reading,
        authorizing("sk_one"),
        progress,
        WarehouseMetrics(),
        placed=placer,
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://reports", headers=KEY)


@pytest.fixture
def placer(programme: ClickHouse, clock: Clock) -> Placer:
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.place()
    return placer


@pytest.fixture
async def http(programme: ClickHouse, placer: Placer) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(programme, placer, LoadedPositions()) as client:
        yield client


async def clicks(http: httpx.AsyncClient, query: str = "") -> tuple[str | None, int]:
    answer = (await http.get(f"/v1/reports/funnel?by=all{query}")).raise_for_status().json()
    return answer["as_of"], answer["rows"][0]["clicks"]


async def test_over_http_an_answer_is_of_now_unless_it_may_be_older(
    programme: ClickHouse, http: httpx.AsyncClient, clock: Clock
) -> None:
    assert await clicks(http) == (AS_OF, 4)

    await come_late(programme)
    clock.now += 30
    assert await clicks(http) == (None, 5)
    assert await clicks(http, "&max_age=10") == (None, 5)
    assert await clicks(http, "&max_age=60") == (AS_OF, 4)
    assert (await http.get("/v1/reports/funnel?max_age=x")).status_code == 422


@over_http
async def test_facts_whose_database_was_dropped_are_placed_again_and_views_answer_meanwhile(
    programme: ClickHouse, http: httpx.AsyncClient, placer: Placer
) -> None:
    programme.writing.command("DROP DATABASE default_placed_0")

    assert await clicks(http) == (None, 4)
    assert await clicks(http, "&max_age=60") == (None, 4)
    assert placer.place()
    assert await clicks(http) == (AS_OF, 4)


@pytest.mark.parametrize(
    "dropped", ["DATABASE default_placed_visits", "TABLE default_placed_visits.visits"]
)
async def test_what_was_dropped_leaves_no_kept_answer_behind(
    programme: ClickHouse, http: httpx.AsyncClient, placer: Placer, dropped: str
) -> None:
    assert await clicks(http) == (AS_OF, 4)
    for what in (dropped, "DATABASE default_placed_0"):
        programme.writing.command(f"DROP {what}")
    assert await clicks(http, "&code=A") == (None, 1)

    await come_late(programme)
    assert placer.place()
    assert await clicks(http) == (AS_OF, 5)


async def test_what_is_erased_changes_the_tag_of_an_answer(programme: ClickHouse) -> None:
    progress = LoadedPositions()
    progress.observed(0.0, {})
    placer = Placer(programme.writing, progress.as_of_text)
    placer.place()
    async with asking(programme, placer, progress) as http:
        path = "/v1/reports/funnel?by=all"
        answers = [(await http.get(path)).raise_for_status()]
        known = {"if-none-match": answers[0].headers["etag"]}
        assert (await http.get(path, headers=known)).status_code == 304

        await erase(programme)
        answers.append((await http.get(path, headers=known)).raise_for_status())
        placer.place()
        answers.append((await http.get(path, headers=known)).raise_for_status())
    assert [answer.json()["rows"][0]["clicks"] for answer in answers] == [4, 3, 3]
    assert len({answer.headers["x-as-of"] for answer in answers}) == 1
    assert answers[1].headers["etag"] == answers[2].headers["etag"] != known["if-none-match"]


async def test_a_kept_answer_is_of_the_same_facts(
    programme: ClickHouse, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    query = Client.query

    def noted(client: Client, text: str, *given: Any, **named: Any) -> Any:
        asked.append(text)
        return query(client, text, *given, **named)

    monkeypatch.setattr(type(programme.reading), "query", noted)
    first = await http.get("/v1/reports/funnel?by=all&campaign=spring")
    second = await http.get("/v1/reports/funnel?by=all&campaign=spring")
    other = await http.get("/v1/reports/funnel?by=all&campaign=autumn")

    assert second.json() == first.json() != other.json()
    assert len([text for text in asked if "signed_up" in text]) == 2


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not await asyncio.to_thread(holds):
            pass


@pytest.mark.parametrize(
    "error",
    [DatabaseError("not enough privileges: CREATE DATABASE"), OverflowError("out of range")],
    ids=["a refusal", "a fault"],
)
async def test_it_places_once_all_is_loaded_and_goes_on_after_an_error(
    programme: ClickHouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    monkeypatch.setattr(placer_module, "_LEAST_REST_SECONDS", 0.0)
    monkeypatch.setattr(placer_module, "_REST", 0)
    place, tries, loaded = Placing.place, count(1), asyncio.Event()

    def refused_twice(placing: Placing, *given: Any) -> PlacedFacts:
        if next(tries) <= 2:
            raise error
        return place(placing, *given)

    monkeypatch.setattr(Placing, "place", refused_twice)
    placer = Placer(programme.writing, lambda: AS_OF if loaded.is_set() else None)
    running = asyncio.create_task(placer.run())
    await asyncio.sleep(0)
    assert placer.facts(programme.reading, 0) is None
    assert next(tries) == 1

    loaded.set()
    await until(lambda: placer.facts(programme.reading, 0) is not None)
    running.cancel()
    said = [record.message for record in caplog.records if "can't be placed" in record.message]
    assert len(said) == 1


async def test_what_was_placed_before_is_dropped_once_nobody_reads_it(
    programme: ClickHouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def databases() -> set[str]:
        return {str(name) for (name,) in programme.rows("SELECT name FROM system.databases")}

    monkeypatch.setattr(placer_module, "_LEAST_REST_SECONDS", 0.0)
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.place()
    await come_late(programme)
    placer.place()
    assert {"default_placed_0", "default_placed_1"} <= databases()

    running = asyncio.create_task(placer.run())
    clock.now += 91
    await until(lambda: "default_placed_0" not in databases())
    running.cancel()
    found = placer.facts(programme.reading, 0)
    assert found is not None
    assert funnel(programme, found)


async def test_a_warehouse_whose_turn_is_over_changes_nothing_that_is_placed_in_a_later_one(
    programme: ClickHouse,
) -> None:
    with closing(programme.connect()) as connection:
        late = Placer(connection, lambda: AS_OF)
        following = Placer(programme.writing, lambda: AS_OF)
        late.begin_turn(7)
        late.place()
        following.begin_turn(8)
        following.place()
        found = following.facts(programme.reading, 0)
        assert found is not None
        before = funnel(programme, found)

        with pytest.raises(ClickHouseError):
            late._visits.bring_up_to_date(found)
        await come_late(programme)
        late.place()
        assert funnel(programme, found) == before
        databases = {str(name) for (name,) in programme.rows("SHOW DATABASES")}
        assert "default_turn_8_placed_visits" in databases

        following.place()
        now = following.facts(programme.reading, 0)
        assert now is not None
        assert funnel(programme, now) != before


async def test_while_more_is_loaded_a_placing_waits_but_not_for_long(
    programme: ClickHouse, clock: Clock
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)

    def placed() -> int | None:
        placer.step()
        found = placer.facts(programme.reading, 3600)
        return None if found is None else found.version

    first = placed()
    assert first is not None

    for number in range(3):
        await programme.load(EVENTS, [click("v9", "A", event_id=f"steady {number}")])
        clock.now += 9
        assert placed() == first, "more is loaded at each look"
    await programme.load(EVENTS, [click("v9", "A", event_id="steady for long")])
    clock.now += 3
    second = placed()
    assert second != first, "it has waited for 20 s"

    await programme.load(EVENTS, [click("v9", "A", event_id="the last")])
    clock.now += 2
    assert placed() == second
    clock.now += 2
    assert placed() != second, "nothing more was loaded"


async def test_what_is_erased_while_more_is_loaded_is_placed_at_once(
    programme: ClickHouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    placer = Placer(programme.writing, lambda: AS_OF)
    placer.step()
    await programme.load(EVENTS, [click("v9", "A", event_id="steady")])
    programme.writing.command("DELETE FROM events WHERE event_id = 'e2'")
    clock.now += 2

    def refused(*_: object) -> PlacedFacts:
        raise DatabaseError("too busy")

    with monkeypatch.context() as patched:
        patched.setattr(Placing, "place", refused)
        with pytest.raises(DatabaseError):
            placer.step()
    await programme.load(EVENTS, [click("v9", "A", event_id="steady still")])
    clock.now += 2
    placer.step()
    found = placer.facts(programme.reading, 0)
    assert found is not None
    assert not [*differences(programme, found)]


async def test_a_first_placing_waits_for_the_end_of_a_steady_load(
    programme: ClickHouse, clock: Clock
) -> None:
    as_of: list[str | None] = [None]
    placer = Placer(programme.writing, lambda: as_of[0])
    placer.step()
    await programme.load(EVENTS, [click("v9", "A", event_id="steady")])
    as_of[0] = AS_OF
    placer.step()
    assert placer.facts(programme.reading, 0) is None
    clock.now += 2
    placer.step()
    assert placer.facts(programme.reading, 0) is not None
