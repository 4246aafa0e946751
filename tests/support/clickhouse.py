"""A real ClickHouse engine, in this process or behind HTTP; and messages to load.

Tests marked `over_http` are run twice: on the engine in this process, and over the HTTP interface
that a server has. With -m docker they run on a real server.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest
from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.engine.chunks import Chunk
from reftrail.hosting.kafka.log_bounds import Position
from reftrail.warehouse.blocks import Part
from reftrail.warehouse.clickhouse import connect_for_reading, connect_for_writing
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.tables import apply_ddl
from support.memory import directory_in_memory
from support.served_clickhouse import clickhouse_container, served_clickhouse

FOR_FEW_ROWS: Final = {
    # A second thread costs a query of few rows a quarter more.
    "max_threads": "1",
    # Machine code for a repeated expression: 44 ms each, and every process of tests makes its own.
    "compile_expressions": "0",
    "compile_aggregate_expressions": "0",
    "compile_sort_description": "0",
}
"""Settings of the connections of tests. Hosts that tests start have those of production."""


@dataclass(frozen=True)
class ClickHouse:
    """writing and reading are the warehouse's two connections; path or url says where it is."""

    path: Path | None
    url: str | None
    writing: Client
    reading: Client

    @classmethod
    def opened(cls, path: Path | None, url: str | None) -> Self:
        """Connections to an engine, on which tables are made."""
        writing = for_few_rows(connect_for_writing(path, url))
        apply_ddl(writing)
        return cls(path, url, writing, for_few_rows(connect_for_reading(path, url)))

    def close(self) -> None:
        self.reading.close()
        self.writing.close()

    def connect(self, database: str | None = None) -> Client:
        """One more connection for writing."""
        return for_few_rows(connect_for_writing(self.path, self.url, database))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.reading.query(sql).result_rows]

    def beside(self, database: str) -> Client:
        """A connection to an empty database beside the usual one."""
        self.make_empty(database)
        return self.connect(database)

    def make_empty(self, database: str) -> None:
        """An empty database beside the usual one."""
        self.writing.command(f"DROP DATABASE IF EXISTS {quote_identifier(database)}")
        self.writing.command(f"CREATE DATABASE {quote_identifier(database)}")

    def stop_merges(self) -> None:
        """From now on rows of equal key stay side by side, so that doubled ones can be counted."""
        self.writing.command("SYSTEM STOP MERGES")

    def empty(self) -> None:
        """Empty all tables in one statement: one for each took a test's third of a second."""
        self.writing.command("TRUNCATE TABLES FROM default NOT LIKE 'ddl_applied'")
        # Loads are numbered from 1 again, so a day may seem to have the events that it had.
        self.writing.command("DROP DATABASE IF EXISTS default_placed_visits")

    def structure(self) -> int:
        """A checksum of all columns of tables and views, with their places."""
        columns = "table, name, type, position, default_expression"
        sql = f"SELECT sum(cityHash64({columns})) FROM system.columns WHERE database = 'default'"
        return int(self.rows(sql)[0][0])

    def tables(self) -> list[str]:
        """Names of all tables and views."""
        sql = "SELECT name FROM system.tables WHERE database = currentDatabase()"
        return [name for (name,) in self.rows(sql)]

    def drop_all(self) -> None:
        for name in self.tables():
            self.writing.command(f"DROP TABLE {name}")

    async def load(self, topic: Topic, records: Sequence[Record], partition: int = 0) -> None:
        """Put records into their table as the warehouse does, after those of before."""
        ledger = Ledger(self.writing)
        begin = ledger.positions().get((topic.name, partition), Position(0))
        part = part_of([encode(record) for record in records], begin.offset, partition)
        await Loader(self.writing, ledger, nowhere, WarehouseMetrics()).load([Work(topic, (part,))])


def for_few_rows(client: Client) -> Client:
    """The same client, whose queries take less processor time where rows are few."""
    for name, value in FOR_FEW_ROWS.items():
        client.set_client_setting(name, value)
    return client


async def nowhere(letters: Sequence[DeadLettered]) -> None:
    raise AssertionError(f"nothing should be dead-lettered: {letters}")


def part_of(values: Sequence[bytes | None], begin: int = 0, partition: int = 0) -> Part:
    """Messages that follow each other in one partition."""
    end = begin + len(values)
    offsets = list(range(begin, end))
    keys: list[bytes | None] = [b"key"] * len(values)
    return Part(partition, Chunk(begin, end, offsets, [1_000] * len(values), keys, list(values)))


over_http = pytest.mark.over_http


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "over_http: also over ClickHouse's HTTP interface")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = metafunc.definition.get_closest_marker(over_http.name)
    if marked and "clickhouse_engine" in metafunc.fixturenames:
        engines = [
            pytest.param("embedded_engine", id="embedded"),
            pytest.param("served_engine", id="over HTTP"),
            pytest.param("server_engine", id="server", marks=pytest.mark.docker),
        ]
        metafunc.parametrize("clickhouse_engine", engines, indirect=True, scope="session")


@pytest.fixture(scope="session")
def embedded_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """One engine for the session: a process can have only one."""
    with directory_in_memory(tmp_path_factory.mktemp("clickhouse")) as directory:
        engine = ClickHouse.opened(directory, None)
        yield engine
        engine.close()


@pytest.fixture(scope="session")
def served_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """An engine in a process of its own, behind the HTTP interface of a server."""
    with (
        directory_in_memory(tmp_path_factory.mktemp("served")) as directory,
        served_clickhouse(directory / "clickhouse") as address,
    ):
        engine = ClickHouse.opened(None, f"{address.replace('//', '//any:any@')}/default")
        yield engine
        engine.close()


@pytest.fixture(scope="session")
def server_engine() -> Iterator[ClickHouse]:
    """A real server, from its image."""
    with clickhouse_container() as server:
        engine = ClickHouse.opened(None, server)
        yield engine
        engine.close()


@pytest.fixture(scope="session")
def clickhouse_engine(request: pytest.FixtureRequest) -> ClickHouse:
    """The engine of a test: in this process, unless it asks for another one."""
    engine: ClickHouse = request.getfixturevalue(getattr(request, "param", "embedded_engine"))
    return engine


@pytest.fixture(scope="session")
def structure(clickhouse_engine: ClickHouse) -> int:
    """What the tables have to be like before each test."""
    return clickhouse_engine.structure()


@pytest.fixture
def clickhouse(clickhouse_engine: ClickHouse, structure: int) -> Iterator[ClickHouse]:
    """Empty tables; a test that leaves them with other columns fails, as it breaks later ones."""
    with _emptied(clickhouse_engine, structure):
        yield clickhouse_engine


@pytest.fixture(scope="module")
def shared_clickhouse(clickhouse_engine: ClickHouse, structure: int) -> Iterator[ClickHouse]:
    """Tables that are emptied once for a module: its tests only read what its fixtures load.

    To empty and fill them takes 0.2 to 0.5 s of processor time. A module that uses this one
    doesn't use `clickhouse`, which empties them again.
    """
    with _emptied(clickhouse_engine, structure):
        yield clickhouse_engine


@contextmanager
def _emptied(clickhouse: ClickHouse, structure: int) -> Iterator[None]:
    clickhouse.writing.command("SYSTEM START MERGES")
    clickhouse.empty()
    yield
    if clickhouse.structure() != structure:
        _begin_anew(clickhouse)
        pytest.fail("this test left other tables or columns behind: use `remade`")


@pytest.fixture
def remade(clickhouse: ClickHouse) -> Iterator[ClickHouse]:
    """Tables that a test may drop and alter: they are made anew after it."""
    yield clickhouse
    _begin_anew(clickhouse)


def _begin_anew(clickhouse: ClickHouse) -> None:
    clickhouse.drop_all()
    apply_ddl(clickhouse.writing)
