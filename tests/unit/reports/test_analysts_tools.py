"""Queries of analysts' own tools: the Grafana dashboard, and the dbt package.

Their queries are run on the engine, with a decided programme in it. Grafana and dbt aren't there;
what their macros become is what their manuals say.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import jinja2
import polars as pl
import pytest
import yaml
from support.clickhouse import ClickHouse
from support.raw_programme import Raw, decided_programme

from reftrail.contracts.events import Event
from reftrail.warehouse.definitions import VIEWS

INFRA: Final = Path(__file__).parents[3] / "infra"
DASHBOARD: Final = json.loads((INFRA / "grafana" / "reftrail.json").read_text())
DBT: Final = INFRA / "dbt"
MODELS: Final = {path.stem: path.read_text() for path in DBT.glob("models/**/*.sql")}
TESTS: Final = {path.stem: path.read_text() for path in DBT.glob("tests/*.sql")}
BEGIN, END = "2020-01-01", "2040-01-01"
MACROS: Final = {
    r"\$__timeFilter\((\w+)\)": rf"\1 >= toDateTime('{BEGIN}') AND \1 <= toDateTime('{END}')",
    r"\$__dateFilter\((\w+)\)": rf"\1 >= toDate('{BEGIN}') AND \1 <= toDate('{END}')",
    r"\$__timeInterval\((\w+)\)": r"toStartOfInterval(toDateTime(\1), INTERVAL 3600 second)",
}


@pytest.fixture(scope="module")
def programme(clickhouse_engine: ClickHouse) -> Raw:
    return decided_programme(clickhouse_engine, 1)


def campaigns(clickhouse: ClickHouse) -> list[str]:
    (variable,) = (v for v in DASHBOARD["templating"]["list"] if v["name"] == "campaign")
    return [str(name) for (name,) in clickhouse.rows(variable["query"])]


def asked(clickhouse: ClickHouse, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a panel's query, for all campaigns."""
    for macro, text in MACROS.items():
        sql = re.sub(macro, text, sql)
    names = ", ".join(f"'{name}'" for name in campaigns(clickhouse))
    sql = sql.replace("${campaign:singlequote}", names)
    assert "$" not in sql
    return clickhouse.rows(sql)


def panel(title: str) -> str:
    (found,) = (panel for panel in DASHBOARD["panels"] if panel["title"] == title)
    return str(found["targets"][0]["rawSql"])


@pytest.mark.parametrize("title", [panel["title"] for panel in DASHBOARD["panels"]])
def test_each_panel_s_query_has_rows(
    programme: Raw, clickhouse_engine: ClickHouse, title: str
) -> None:
    assert len(programme.events) > 0

    assert asked(clickhouse_engine, panel(title))


def test_panels_don_t_overlap_and_have_a_source() -> None:
    places = set()
    for found in DASHBOARD["panels"]:
        at = found["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in places, found["title"]
                assert x < 24
                places.add((x, y))
        assert found["targets"][0]["datasource"]["uid"] == "${datasource}"


def test_a_campaign_s_figures_are_those_of_the_log(
    programme: Raw, clickhouse_engine: ClickHouse
) -> None:
    rows = asked(clickhouse_engine, panel("Campaigns"))

    clicks = programme.once().filter(pl.col("type") == "click", ~pl.col("is_bot"))
    assert sum(row[1] for row in rows) == clicks.height > 0
    assert {row[0] for row in rows} - {None} <= set(programme.campaigns["campaign_id"])


def rendered(name: str) -> str:
    """A model as a subquery, its sources as the views that they name."""
    template = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined)
    text = {**MODELS, **TESTS}[name]
    return template.from_string(text).render(
        source=lambda _, view: view, ref=lambda model: f"({rendered(model)})"
    )


@pytest.mark.parametrize("name", MODELS)
def test_each_model_has_the_columns_that_are_described(
    programme: Raw, clickhouse_engine: ClickHouse, name: str
) -> None:
    (described,) = (
        model
        for model in yaml.safe_load((DBT / "models/staging/staging.yml").read_text())["models"]
        if model["name"] == name
    )
    assert len(programme.events) > 0

    made = f"SELECT * FROM ({rendered(name)})"
    names = [row[0] for row in clickhouse_engine.rows(f"DESCRIBE TABLE ({made})")]
    assert {column["name"] for column in described["columns"]} <= set(names)
    assert clickhouse_engine.rows(f"SELECT count() > 0 FROM ({rendered(name)})") == [(1,)]


@pytest.mark.parametrize("name", TESTS)
def test_each_test_of_the_package_passes(
    programme: Raw, clickhouse_engine: ClickHouse, name: str
) -> None:
    assert len(programme.events) > 0

    assert clickhouse_engine.rows(rendered(name)) == []


def test_sources_are_views_and_types_those_of_events() -> None:
    (source,) = yaml.safe_load((DBT / "models/sources.yml").read_text())["sources"]
    listed = [table["name"] for table in source["tables"]]
    used = re.findall(
        r"source\('reftrail', '(\w+)'\)", "".join([*MODELS.values(), *TESTS.values()])
    )
    assert set(used) <= set(listed) <= set(VIEWS)

    (events, *_) = yaml.safe_load((DBT / "models/staging/staging.yml").read_text())["models"]
    (its_type,) = (column for column in events["columns"] if column["name"] == "type")
    accepted = its_type["data_tests"][1]["accepted_values"]["arguments"]["values"]
    assert set(accepted) == _tags(Event) - {"event", "disputed"}


def _tags(kind: type[Event]) -> set[str]:
    below = [_tags(subclass) for subclass in kind.__subclasses__()]
    return {str(kind.__struct_config__.tag)}.union(*below)


@pytest.mark.parametrize(("found", "fails"), [((10, 10), False), ((9, 11), True), ((10, 20), True)])
def test_what_is_found_beyond_what_is_expected_is_no_agreement(
    clickhouse_engine: ClickHouse, found: tuple[int, int], fails: bool
) -> None:
    rows = " UNION ALL ".join(
        f"SELECT 'events_stored' AS check, now() AS at, toInt64(10) AS expected, "
        f"toInt64({number}) AS found"
        for number in found
    )
    text = TESTS["assert_places_agree"]
    template = jinja2.Environment(autoescape=False).from_string(text)

    failing = clickhouse_engine.rows(template.render(source=lambda *_: f"({rows})"))
    assert bool(failing) == fails
    shown = panel("Agreement of places").replace("v_reconciliation", f"({rows})")
    ((agreement,),) = asked(clickhouse_engine, shown)
    assert (agreement < 0.999) == fails
