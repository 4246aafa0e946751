"""The DDL: applied once, in order, never edited; and fit for what the topics carry."""

import json

import pytest
from support.clickhouse import ClickHouse

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.registry import latest
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import PUBLIC_TOPICS
from reftrail.warehouse.tables import DdlFile, apply_ddl, ddl_files, table_of

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


def test_each_file_is_applied_once(clickhouse: ClickHouse) -> None:
    assert apply_ddl(clickhouse.writing) == []
    assert len(clickhouse.rows("SELECT * FROM ddl_applied")) == len(ddl_files())


def test_a_crash_after_a_file_was_run_and_before_that_was_noted_does_no_harm(
    clickhouse: ClickHouse,
) -> None:
    clickhouse.writing.command("TRUNCATE TABLE ddl_applied")

    assert apply_ddl(clickhouse.writing) == [file.name for file in ddl_files()]


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

    found = clickhouse.rows(f"DESCRIBE TABLE {table_of(topic, record).name}")

    assert {name: kind for name, kind, default, *_ in found if default != "MATERIALIZED"} == wanted


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
