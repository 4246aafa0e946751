"""Epochs: one warehouse of several loads, and one that was frozen can insert nothing any more."""

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from support.clickhouse import ClickHouse, nowhere, over_http, part_of

from reftrail.contracts.codec import encode
from reftrail.contracts.conversions import Touched
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import Click
from reftrail.contracts.topics import EVENTS, TOUCHES
from reftrail.warehouse.ddl_files import applied_files
from reftrail.warehouse.epochs import Epochs, fence, is_refused
from reftrail.warehouse.ledger import Ledger, Load
from reftrail.warehouse.loader import Loader, Work
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.new_warehouse import new_warehouse_file

pytestmark = over_http

INSERTS: Final = 5
"""Of a batch: claim, events, duplicates, touches, closing."""


def click(number: int, code: str = "A") -> Click:
    return Click(
        event_id=f"e{number}", event_time=1_000, received_at=number, visitor_id="v", code=code
    )


def touch(number: int) -> Touched:
    return Touched(
        event_id=f"t{number}",
        event_time=1_000,
        received_at=1,
        cause_topic="events",
        cause_partition=0,
        cause_offset=number,
        cause_event_id="cause",
        rules="1",
        visitor_id=f"v{number}",
        type="click",
        code="A",
        touch_event_id="cause",
        expires_at=9_000,
        arm="a",
        campaign_id="spring",
    )


LOG: Final = {
    EVENTS: [
        *(encode(click(n)) for n in range(5)),
        encode(click(0, "B")),
        encode(click(5)),
        *(encode(click(n, "B")) for n in range(1, 6)),
    ],
    TOUCHES: [encode(touch(n)) for n in range(12)],
}
WHOLE: Final = {
    "events": 6,
    "duplicate_events": 6,
    "touches": 12,
    "touched_arms": 12,
    "loads": 4,  # two loads of each topic, read by FINAL
}


TABLES: Final = (*WHOLE, "touched_arms_of_touches")
CREATED: Final = re.compile(r"IF NOT EXISTS (\w+)")


class Meanwhile:
    """A client of a process that is frozen right before its nth insert, until another is done."""

    def __init__(self, client: Client, nth: int, another: Callable[[], None]) -> None:
        self._client = client
        self._left = nth
        self._another = another

    def raw_insert(self, *args: Any, **kwargs: Any) -> None:
        self._left -= 1
        if self._left == 0:
            self._another()
        self._client.raw_insert(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class Steps:
    """A client that does something else before its nth step, whatever it asks or says."""

    def __init__(self, client: Client, nth: int, another: Callable[[], None]) -> None:
        self._client = client
        self._left = nth
        self._another = another

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name not in ("command", "query", "raw_insert"):
            return found

        def step(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self._another()
            return found(*args, **kwargs)

        return step


@pytest.fixture(scope="module")
def connections(clickhouse_engine: ClickHouse) -> Iterator[list[Client]]:
    """Connections that the tests before have made: each takes 20 ms of processor time."""
    clients: list[Client] = []
    yield clients
    for client in clients:
        client.close()


@pytest.fixture
def connect(clickhouse: ClickHouse, connections: list[Client]) -> Callable[[], Client]:
    """Makes connections to a database with the tables concerned; merges of doubled rows rest."""
    clickhouse.stop_merges()
    clickhouse.make_empty("turns")
    given = count()

    def one_more() -> Client:
        """One that this test has not had."""
        if (nth := next(given)) == len(connections):
            connections.append(clickhouse.connect("turns"))
        return connections[nth]

    client = one_more()
    applied_files(client)
    for statement in new_warehouse_file().statements():
        if CREATED.findall(statement)[0] in TABLES:
            client.command(statement)
    return one_more


def works(begin: int, end: int) -> list[Work]:
    return [Work(topic, (part_of(values[begin:end], begin),)) for topic, values in LOG.items()]


def of_load(load: Load) -> Work:
    (part,) = load.ranges
    return next(work for work in works(part.begin, part.end) if work.load == load)


async def turn(client: Any, batches: Sequence[tuple[int, int]]) -> None:
    """What a warehouse does in its turn: it finishes what is open, and goes on."""
    ledger = Ledger(client)
    loader = Loader(client, ledger, nowhere, WarehouseMetrics())
    for load in ledger.unfinished():
        await loader.recover(of_load(load))
    positions = ledger.positions()
    for begin, end in batches:
        await loader.load(
            [
                work
                for work in works(begin, end)
                if (at := positions.get((work.topic.name, 0))) is None or at.offset <= begin
            ]
        )


def stored(client: Client) -> dict[str, int]:
    """Rows, doubled ones included, of all but the ledger."""
    finals = {"loads": "loads FINAL WHERE closed = 1"}
    return {
        name: client.query(f"SELECT count() FROM {finals.get(name, name)}").result_rows[0][0]
        for name in WHOLE
    }


def forget_tokens(client: Client) -> None:
    """As after so many inserts that ClickHouse has forgotten the tokens of before."""
    for name in WHOLE:
        setting = "non_replicated_deduplication_window"
        client.command(f"ALTER TABLE {name} MODIFY SETTING {setting} = 0")


def frozen(
    connect: Callable[[], Client], nth: int, *, fenced: bool, tokens: bool
) -> DatabaseError | ExpectedError | None:
    """What the first warehouse hears when it wakes up before its nth insert."""
    first, second = connect(), connect()
    Epochs(first).claim(0)
    if fenced:
        fence(first, 1)

    def take_over() -> None:
        assert Epochs(connect()).claim(1) == 2
        if fenced:
            fence(second, 2)
        asyncio.run(turn(second, [(0, 6), (6, 12)]))
        if not tokens:
            forget_tokens(second)

    try:
        asyncio.run(turn(Meanwhile(first, nth, take_over), [(0, 6), (6, 12)]))
    except (DatabaseError, ExpectedError) as error:
        return error
    return None


@pytest.mark.parametrize("tokens", [True, False], ids=["tokens known", "tokens forgotten"])
@pytest.mark.parametrize("nth", range(1, 2 * INSERTS + 1))
def test_one_that_was_frozen_before_any_insert_can_insert_nothing(
    connect: Callable[[], Client], nth: int, *, tokens: bool
) -> None:
    error = frozen(connect, nth, fenced=True, tokens=tokens)

    assert isinstance(error, DatabaseError)
    assert is_refused(error)
    assert stored(connect()) == WHOLE


@pytest.mark.parametrize("nth", range(1, 2 * INSERTS + 1))
def test_an_insert_that_had_begun_before_the_fence_is_of_a_known_token(
    connect: Callable[[], Client], nth: int
) -> None:
    """ClickHouse checks the constraints that a table had when the insert began."""
    frozen(connect, nth, fenced=False, tokens=True)

    assert stored(connect()) == WHOLE


def test_without_fence_and_tokens_rows_are_doubled(connect: Callable[[], Client]) -> None:
    """The negative control: the tests above can fail."""
    frozen(connect, 2, fenced=False, tokens=False)

    assert stored(connect())["events"] > WHOLE["events"]


def lose_rows_of_an_open_load(client: Client) -> Work:
    """A load of touches as a kill may leave it: its token is known, and its rows aren't there."""
    work = works(0, 12)[1]
    killed: Any = Meanwhile(client, 3, crash)
    loader = Loader(killed, Ledger(killed), nowhere, WarehouseMetrics())
    with pytest.raises(ZeroDivisionError):
        asyncio.run(loader.load([work]))
    client.command("ALTER TABLE touches DELETE WHERE 1", settings={"mutations_sync": 1})
    client.command("ALTER TABLE touched_arms DELETE WHERE 1", settings={"mutations_sync": 1})
    return work


def crash() -> None:
    raise ZeroDivisionError


def recover(client: Any, work: Work) -> None:
    loader = Loader(client, Ledger(client), nowhere, WarehouseMetrics())
    asyncio.run(loader.recover(work))


# Steps of a recovery of touches: its number, the insert, two looks, the insert again, the closing.
@pytest.mark.parametrize(("nth", "woken"), [(2, 4), (3, 4), (3, 5), (4, 5), (5, 3), (5, 5)])
def test_one_that_was_frozen_while_it_looked_for_rows_disturbs_nobody(
    connect: Callable[[], Client], monkeypatch: pytest.MonkeyPatch, nth: int, woken: int
) -> None:
    """Both recover the same load; the late one is frozen at a step, and wakes at the other's."""
    monkeypatch.setattr("reftrail.warehouse.missing_rows._PATIENCE_SECONDS", 0)
    first, second = connect(), connect()
    first.command("SYSTEM START MERGES")
    fence(first, 1)
    work = lose_rows_of_an_open_load(first)
    first.command("SYSTEM STOP MERGES")
    frozen, woke = threading.Event(), threading.Event()

    def freeze() -> None:
        frozen.set()
        assert woke.wait(60)

    def late() -> None:
        with contextlib.suppress(DatabaseError, ExpectedError):
            recover(Steps(first, nth, freeze), work)
        frozen.set()

    thread = threading.Thread(target=late)

    def wake() -> None:
        woke.set()
        thread.join()

    thread.start()
    assert frozen.wait(60)
    fence(second, 2)
    for load in Ledger(second).unfinished():
        recover(Steps(second, woken, wake), of_load(load))
    wake()

    assert stored(connect())["touches"] == WHOLE["touches"]
    assert Ledger(second).unfinished() == []


def test_of_two_that_claim_an_epoch_one_gets_it(connect: Callable[[], Client]) -> None:
    first, second = Epochs(connect()), Epochs(connect())

    assert (first.claim(0), second.claim(0)) == (1, None)
    latest = second.latest()
    assert latest is not None
    assert (latest.number, latest.holder, latest.is_released) == (1, first.holder, False)


def test_an_epoch_whose_row_was_lost_is_left_out(connect: Callable[[], Client]) -> None:
    """ClickHouse notes a token before the row is there, and may be killed in between."""
    client = connect()
    first = Epochs(client)
    first.claim(0)
    client.command("SYSTEM START MERGES")
    client.command("ALTER TABLE epochs DELETE WHERE 1", settings={"mutations_sync": 1})

    assert Epochs(connect()).claim(0) == 2


def test_a_holder_hears_that_it_was_overtaken(connect: Callable[[], Client]) -> None:
    first, second = Epochs(connect()), Epochs(connect())
    first.claim(0)
    first.beat()
    second.claim(1)

    with pytest.raises(ExpectedError, match="has taken over"):
        first.beat()
    latest = second.latest()
    assert latest is not None
    assert latest.holder == second.holder


def test_who_is_late_with_its_fence_weakens_none(connect: Callable[[], Client]) -> None:
    late, holder = connect(), connect()
    fence(late, 1)
    fence(holder, 3)
    fence(late, 2)

    with pytest.raises(DatabaseError, match="from_epoch_3"):
        asyncio.run(turn(late, [(0, 6)]))
    fence(holder, 4)
    created = holder.command("SHOW CREATE TABLE events")
    assert "from_epoch_4" in str(created)
    assert "from_epoch_2" not in str(created)
