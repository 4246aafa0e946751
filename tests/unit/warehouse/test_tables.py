"""The DDL: applied once, in order, never edited; and fit for what the topics carry."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from support.clickhouse import ClickHouse, over_http

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.registry import latest
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import EVENTS, PUBLIC_TOPICS
from reftrail.warehouse import new_warehouse
from reftrail.warehouse.ddl_files import (
    DdlFile,
    applied_files,
    apply_files,
    ddl_files,
    note_applied,
)
from reftrail.warehouse.definitions import VIEWS, are_defined, define_views, fingerprint_of
from reftrail.warehouse.new_warehouse import definitions, new_warehouse_file
from reftrail.warehouse.tables import apply_ddl, table_of

SCALARS = {
    "string": "String",
    "bytes": "String",
    "int": "Int32",
    "long": "Int64",
    "boolean": "Bool",
}


def test_files_are_numbered_from_1_without_gaps() -> None:
    numbers = [int(file.name.split("_")[0]) for file in ddl_files()]

    assert numbers == list(range(1, len(numbers) + 1))


@over_http
def test_each_file_is_applied_once(clickhouse: ClickHouse) -> None:
    assert apply_ddl(clickhouse.writing) == []
    names = [name for (name,) in clickhouse.rows("SELECT name FROM ddl_applied ORDER BY name")]
    assert names == [*(file.name for file in ddl_files()), new_warehouse.NEW_WAREHOUSE]


@over_http
def test_a_crash_after_a_file_was_run_and_before_that_was_noted_does_no_harm(
    clickhouse: ClickHouse,
) -> None:
    """Each file is run twice, the second time after it had been run in whole."""
    client = clickhouse.beside("applied_twice")
    assert applied_files(client) == {}
    for file in ddl_files():
        for statement in (*file.statements(), *file.statements()):
            client.command(statement)
    define_views(client)

    columns = "SELECT table, name, type, default_expression FROM system.columns WHERE database = "
    made = clickhouse.rows(f"{columns} 'applied_twice' ORDER BY ALL")
    once = clickhouse.rows(f"{columns} 'default' ORDER BY ALL")
    assert made == once
    client.close()


@over_http
def test_a_new_warehouse_has_the_tables_to_which_the_files_lead(clickhouse: ClickHouse) -> None:
    """Write new_warehouse.sql anew if this fails: see `reftrail.warehouse.new_warehouse`."""
    text = new_warehouse_file().text
    assert definitions(clickhouse.writing) == text, "what a new warehouse is made of"
    clickhouse.drop_all()

    apply_files(clickhouse.writing, ddl_files(), applied_files(clickhouse.writing))

    assert definitions(clickhouse.writing) == text, "what the files make of an empty one"
    apply_ddl(clickhouse.writing)  # the views, for the tests after this one


def test_a_crash_while_a_new_warehouse_is_made_does_no_harm(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [file.name for file in ddl_files()]
    statements = list(new_warehouse_file().statements())
    for done in (0, 7, len(statements)):
        clickhouse.drop_all()
        _die_after(done, clickhouse, monkeypatch)

        assert apply_ddl(clickhouse.writing) == names
        assert apply_ddl(clickhouse.writing) == []
        assert definitions(clickhouse.writing) == new_warehouse_file().text
        assert set(VIEWS) <= set(clickhouse.tables())


def test_a_new_warehouse_begun_by_another_version_is_refused(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    clickhouse.drop_all()
    _die_after(3, clickhouse, monkeypatch)
    file = new_warehouse_file()
    with monkeypatch.context() as other:
        later = DdlFile(file.name, f"{file.text}-- and more\n")
        other.setattr(new_warehouse, "new_warehouse_file", lambda: later)
        with pytest.raises(ExpectedError, match="start that version, or empty the warehouse"):
            apply_ddl(clickhouse.writing)
    apply_ddl(clickhouse.writing)


def _die_after(done: int, clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin to make a new warehouse, and die after so many of its statements."""
    client, run = clickhouse.writing, clickhouse.writing.command
    statements = list(new_warehouse_file().statements())[:done]

    def command(text: str, *args: Any, **named: Any) -> Any:
        if text.startswith("CREATE") and "ddl_applied" not in text and text not in statements:
            raise KeyboardInterrupt
        return run(text, *args, **named)

    def note(client: Any, files: Sequence[DdlFile]) -> None:
        if len(files) > 1:
            raise KeyboardInterrupt
        note_applied(client, files)

    with monkeypatch.context() as dying:
        dying.setattr(client, "command", command)
        dying.setattr(new_warehouse, "note_applied", note)
        with pytest.raises(KeyboardInterrupt):
            apply_ddl(client)


@over_http
def test_views_that_are_there_are_not_made_again(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _views_made(clickhouse, monkeypatch) == 0

    for lost in ("DROP VIEW v_people", "CREATE OR REPLACE VIEW v_codes AS SELECT 1 AS code"):
        clickhouse.writing.command(lost)
        assert _views_made(clickhouse, monkeypatch) == len(VIEWS)
        assert _views_made(clickhouse, monkeypatch) == 0


def test_views_are_made_again_over_other_tables(clickhouse: ClickHouse) -> None:
    """A column keeps in a view the type that it had when the view was made."""
    client = clickhouse.writing
    *before, last = ddl_files()
    now = fingerprint_of(client, [*before, last])

    assert are_defined(client, now)
    assert not are_defined(client, fingerprint_of(client, before))
    beside = clickhouse.beside("named_otherwise")
    assert fingerprint_of(beside, [*before, last]) != now
    beside.close()


def test_a_crash_while_views_are_made_does_no_harm(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    clickhouse.writing.command("CREATE OR REPLACE VIEW v_funnel_daily AS SELECT 1 AS day")
    run, made = clickhouse.writing.command, []

    def command(text: str, *args: Any, **named: Any) -> Any:
        if "VIEW" in text:
            made.append(text)
        if len(made) > len(VIEWS) // 2:
            raise KeyboardInterrupt
        return run(text, *args, **named)

    with monkeypatch.context() as dying:
        dying.setattr(clickhouse.writing, "command", command)
        with pytest.raises(KeyboardInterrupt):
            apply_ddl(clickhouse.writing)

    assert _views_made(clickhouse, monkeypatch) == len(VIEWS)
    columns = {column for column, *_ in clickhouse.rows("DESCRIBE TABLE v_funnel_daily")}
    assert "signups" in columns


def _views_made(clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many views a start makes."""
    run, made = clickhouse.writing.command, []

    def command(text: str, *args: Any, **named: Any) -> Any:
        made.extend([text] if "VIEW" in text else [])
        return run(text, *args, **named)

    with monkeypatch.context() as watched:
        watched.setattr(clickhouse.writing, "command", command)
        assert apply_ddl(clickhouse.writing) == []
    return len(made)


def test_an_edited_file_is_refused_with_what_to_do(clickhouse: ClickHouse) -> None:
    """Also when a version from before the first release applied it."""
    first, *others = ddl_files()

    with pytest.raises(
        ExpectedError, match=r"ddl/001_ledger\.sql was edited.*set REFTRAIL_CLICKHOUSE_PATH"
    ):
        apply_ddl(clickhouse.writing, [DdlFile(first.name, first.text + " "), *others])


def test_a_warehouse_of_a_newer_version_is_refused(clickhouse: ClickHouse) -> None:
    with pytest.raises(ExpectedError, match=r"newer reftrail: 001_ledger\.sql"):
        apply_ddl(clickhouse.writing, ddl_files()[1:])


@pytest.mark.parametrize(
    ("topic", "record"),
    [(topic, record.__name__) for topic in PUBLIC_TOPICS for record in topic.records],
    ids=lambda given: given if isinstance(given, str) else given.name,
)
def test_a_record_s_table_has_its_fields(clickhouse: ClickHouse, topic: Topic, record: str) -> None:
    schema = json.loads(latest(record).text)
    wanted = {field["name"]: _column(field["type"]) for field in schema["fields"]}
    wanted.pop("user_agent", None)  # older records have it, and it stays out of the warehouse

    found = clickhouse.rows(f"DESCRIBE TABLE {table_of(topic, record).name}")

    columns = {
        name: kind for name, kind, default, *_ in found if not default or default == "DEFAULT"
    }
    assert columns.pop("load", None) == ("UInt64" if topic is EVENTS else None)
    assert columns == wanted


def _column(kind: object) -> str:
    match kind:
        case ["null", inner]:
            return f"Nullable({_column(inner)})"
        case {"logicalType": "timestamp-millis"}:
            return "DateTime64(3, 'UTC')"
        case {"type": "enum"}:
            return "String"
        case {"type": "array", "items": items}:
            return f"Array({_column(items)})"
        case str():
            return SCALARS[kind]
        case _:
            raise AssertionError(f"no column type is known for {kind}")
