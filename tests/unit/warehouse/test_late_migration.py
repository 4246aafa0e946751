"""A warehouse that was frozen in a migration or rebuild, and wakes up in another one's turn."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from support.clickhouse import ClickHouse

from reftrail.warehouse.changes import Changes
from reftrail.warehouse.clickhouse import insert_rows
from reftrail.warehouse.ddl_files import DdlFile, applied_files, apply_files, ddl_files
from reftrail.warehouse.epochs import Epochs, fence, is_refused, named_by_epoch
from reftrail.warehouse.rebuild import create_database, replace

STEPS: Final = 18
"""The statements and inserts of the migration."""
EXCHANGE: Final = 12
"""Its step that puts the copy in place."""
OTHER_STEPS: Final = 27
"""Those of a turn that begins with the migration."""
LATER: Final = 99
"""After all of them."""


class Stepwise:
    """A client that does something else before its nth statement or insert."""

    def __init__(self, client: Client, nth: int, meanwhile: Callable[[], None]) -> None:
        self._client = client
        self._left = nth
        self._meanwhile = meanwhile

    def command(self, *args: Any, **kwargs: Any) -> Any:
        self._step()
        return self._client.command(*args, **kwargs)

    def raw_insert(self, *args: Any, **kwargs: Any) -> None:
        self._step()
        self._client.raw_insert(*args, **kwargs)

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._meanwhile()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class Frozen(threading.Thread):
    """The first warehouse's migration, which stops before its nth step until it is woken."""

    def __init__(self, client: Client, nth: int) -> None:
        super().__init__()
        self.stopped = threading.Event()
        self.has_stopped = False
        self.error: DatabaseError | None = None
        self._woken = threading.Event()
        self._client: Any = Stepwise(client, nth, self._stop)

    def run(self) -> None:
        try:
            migrate(self._client, 1)
        except DatabaseError as error:
            self.error = error
        finally:
            self.stopped.set()

    def wake(self) -> None:
        self._woken.set()
        self.join()

    def _stop(self) -> None:
        self.has_stopped = True
        self.stopped.set()
        assert self._woken.wait(60)


def ddl(number: str) -> DdlFile:
    return next(file for file in ddl_files() if file.name.startswith(number))


def migrate(client: Any, epoch: int) -> None:
    changes = Changes(client, epoch=epoch)
    apply_files(client, [ddl("036")], applied_files(client), changes)


def insert(client: Any, event_id: str) -> None:
    insert_rows(client, "events", [{"event_id": event_id, "event_time": 1, "received_at": 1}])


def turn(client: Any) -> None:
    """What the second warehouse does in its turn."""
    fence(client, 2)
    migrate(client, 2)
    insert(client, "during")
    fence(client, 2)
    insert(client, "after")


@pytest.fixture
def connect(clickhouse: ClickHouse) -> Iterator[Callable[[], Client]]:
    """Makes connections to a database with the events of before the migration."""
    clients = [clickhouse.beside("migrated")]
    applied_files(clients[0])
    for number in ("002", "020", "028"):
        for statement in ddl(number).statements():
            if " events" in statement.partition("(")[0]:
                clients[0].command(statement)
    for statement in ddl("035").statements():
        clients[0].command(statement)
    insert(clients[0], "before")

    def one_more() -> Client:
        clients.append(clickhouse.connect("migrated"))
        return clients[-1]

    yield one_more
    for client in clients:
        client.close()


def tables(client: Client) -> dict[str, str]:
    sql = (
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() "
        "AND name NOT IN ('epochs', 'ddl_steps')"
    )
    rows = client.query(sql).result_rows
    return {str(name): str(created) for name, created in rows}


def events(client: Client) -> list[str]:
    rows = client.query("SELECT event_id FROM events ORDER BY event_id").result_rows
    return [row[0] for row in rows]


def wakes_up(connect: Callable[[], Client], nth: int, other_nth: int) -> tuple[Frozen, Client]:
    """The first one stops before its nth step, and wakes up before the second one's."""
    late, holder = connect(), connect()
    Epochs(late).claim(0)
    fence(late, 1)
    first = Frozen(late, nth)
    first.start()
    assert first.stopped.wait(60)
    Epochs(holder).claim(1)

    turn(Stepwise(holder, other_nth, first.wake))

    first.wake()
    return first, late


@pytest.mark.parametrize("nth", range(2, STEPS + 1))
def test_it_changes_nothing_whenever_it_stopped(connect: Callable[[], Client], nth: int) -> None:
    """Before its first step it hasn't read what is applied, so it finds nothing to do."""
    first, late = wakes_up(connect, nth, LATER)

    assert first.has_stopped
    check(connect(), late)
    assert first.error is not None
    assert is_refused(first.error)


@pytest.mark.parametrize("other_nth", [*range(1, 6), 10, 12, *range(14, 18), 20, OTHER_STEPS])
def test_it_changes_nothing_whenever_it_wakes_up(
    connect: Callable[[], Client], other_nth: int
) -> None:
    first, late = wakes_up(connect, EXCHANGE, other_nth)

    check(connect(), late)
    assert first.error is None or is_refused(first.error)


@pytest.mark.parametrize("nth", range(1, 5), ids=["row", "loads", "next row", "events"])
def test_a_late_rebuild_replaces_nothing(connect: Callable[[], Client], nth: int) -> None:
    late, holder = connect(), connect()
    Epochs(late).claim(0)
    late.command(next(ddl("027").statements()))
    fence(late, 1)
    database = named_by_epoch("migrated_rebuild", 1)
    create_database(late, database)
    for name in ("loads", "events"):
        late.command(f"CREATE TABLE {database}.{name} AS {name}")

    def take_over() -> None:
        Epochs(holder).claim(1)
        fence(holder, 2)
        insert(holder, "during")

    client: Any = Stepwise(late, nth, take_over)
    with pytest.raises(DatabaseError, match="from_epoch_2"):
        replace(client, database, Changes(client, epoch=1))

    assert events(holder) == ["before", "during"]
    assert database not in {name for (name,) in holder.query("SHOW DATABASES").result_rows}
    insert(holder, "after")
    with pytest.raises(DatabaseError, match="from_epoch_2"):
        insert(late, "late")


def check(client: Client, late: Client) -> None:
    assert events(client) == ["after", "before", "during"]
    assert "PROJECTION hourly" in tables(client)["events"]
    fenced = {name for name, created in tables(client).items() if "from_epoch_2 " in created}
    assert fenced >= {"events", "duplicate_events", "ddl_applied"}
    with pytest.raises(DatabaseError, match="from_epoch_2"):
        insert(late, "late")
    fence(client, 3)
    assert set(tables(client)) == {"events", "duplicate_events", "ddl_applied"}
