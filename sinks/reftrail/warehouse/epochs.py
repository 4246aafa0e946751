"""Epochs of a ClickHouse server: which of several warehouses loads, and how others are kept out.

A warehouse claims the next epoch: an insert under a token that follows from its number, so of two
that claim it ClickHouse keeps the first one's row. Each insert says its epoch in the setting
`log_comment`, and each table has a constraint, checked by ClickHouse in the insert itself, that
refuses inserts of earlier epochs. So a warehouse that was frozen between any two of its steps, and
wakes up after another has claimed the next epoch, can insert nothing.

An insert that had begun before is not refused: it ends within ClickHouse's time-outs. It is of a
load that the new holder finds open, and inserts under the same token; ClickHouse keeps one of both.
"""

import itertools
import os
import re
import secrets
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse.clickhouse import insert_rows
from reftrail.warehouse.clustering import on_cluster

EPOCHS: Final = "epochs"
"""The table of epochs. Anybody may insert: who claims an epoch has none yet."""

STEPS: Final = "ddl_steps"
"""The table with a row for each statement that changes tables, inserted before: see `changes`."""

_STEPS_CREATED: Final = """
CREATE TABLE IF NOT EXISTS ddl_steps (
    epoch UInt64, name String, begun_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree ORDER BY begun_at
"""
_CREATED: Final = """
CREATE TABLE IF NOT EXISTS epochs (
    epoch UInt64, holder String, beat UInt64, released UInt8,
    written_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(beat) ORDER BY epoch
SETTINGS non_replicated_deduplication_window = 1000
"""
_CONSTRAINT: Final = re.compile(r"CONSTRAINT from_epoch_(\d+) CHECK")
_REFUSED: Final = "from_epoch_"
_OF_EPOCH: Final = "_of_epoch_"
_PATIENCE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch as its holder last wrote it: beat counts the signs of life."""

    number: int
    holder: str
    beat: int
    is_released: bool


class Epochs:
    """Epochs as seen by one warehouse, whose name no other process has."""

    def __init__(self, client: Client, cluster: str | None = None) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._client = client
        self._own: Epoch | None = None
        client.command(on_cluster(_CREATED, cluster))
        client.command(on_cluster(_STEPS_CREATED, cluster))

    def latest(self) -> Epoch | None:
        """The latest epoch, None before the first."""
        rows = self._client.query(
            "SELECT epoch, holder, beat, released FROM epochs "
            "ORDER BY epoch DESC, beat DESC, released DESC LIMIT 1"
        ).result_rows
        return Epoch(rows[0][0], rows[0][1], rows[0][2], bool(rows[0][3])) if rows else None

    def claim(self, after: int) -> int | None:
        """Claim the epoch after one; None if another warehouse has it.

        Where a server died with a claim's token noted and its row lost, that epoch is left out.
        """
        for number in itertools.count(after + 1):
            claimed = Epoch(number, self.holder, 0, is_released=False)
            self._write(claimed, f"epoch {number}")
            if (holder := self._holder_of(number)) is None:
                time.sleep(_PATIENCE_SECONDS)  # another's insert may be under way
                holder = self._holder_of(number)
            if holder == self.holder:
                self._own = claimed
                return number
            if holder is not None:
                break
        return None

    def beat(self) -> None:
        """Give a sign of life. Raises `ExpectedError` if another warehouse has a later epoch."""
        own, latest = self._held(), self.latest()
        if latest is not None and latest.number > own.number:
            raise overtaken()
        self._own = Epoch(own.number, own.holder, own.beat + 1, is_released=False)
        self._write(self._own)

    def release(self) -> None:
        """Let the next warehouse begin at once."""
        own = self._held()
        self._write(Epoch(own.number, own.holder, own.beat + 1, is_released=True))

    def _held(self) -> Epoch:
        assert self._own is not None, "no epoch is claimed"
        return self._own

    def _holder_of(self, number: int) -> str | None:
        rows = self._client.query(
            "SELECT holder FROM epochs WHERE epoch = {epoch:UInt64} LIMIT 1",
            parameters={"epoch": number},
        ).result_rows
        return str(rows[0][0]) if rows else None

    def _write(self, epoch: Epoch, token: str | None = None) -> None:
        row: dict[str, str | int] = {
            "epoch": epoch.number,
            "holder": epoch.holder,
            "beat": epoch.beat,
            "released": int(epoch.is_released),
        }
        insert_rows(self._client, EPOCHS, [row], token)


def fence(client: Client, epoch: int, cluster: str | None = None) -> None:
    """Have every table refuse inserts of earlier epochs, and the client insert in this one.

    The steps come first, then copies of earlier epochs are dropped: so no late holder exchanges a
    table once it is fenced here.
    """
    client.set_client_setting("log_comment", str(epoch))
    if STEPS in (definitions := _definitions(client)):
        _fence(client, STEPS, definitions[STEPS], epoch)
    _drop_copies(client, definitions, epoch, cluster)
    for name, definition in _definitions(client).items():
        if name != EPOCHS:
            _fence(client, name, definition, epoch)


def fence_table(client: Client, name: str, epoch: int) -> None:
    """Have a table that was created in an epoch refuse inserts of earlier ones."""
    _fence(client, name, _definitions(client).get(name, ""), epoch)


def named_by_epoch(name: str, epoch: int) -> str:
    """The name of a table or database that is put in another one's place in an epoch."""
    return f"{name}{_OF_EPOCH}{epoch}"


def _definitions(client: Client) -> dict[str, str]:
    rows = client.query(
        "SELECT name, create_table_query FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name"
    ).result_rows
    return {str(name): str(created) for name, created in rows}


def _fence(client: Client, name: str, definition: str, epoch: int) -> None:
    """A constraint of a later epoch stays beside it, so that who is late weakens nothing.

    Replicated tables take it to their other replicas themselves, also to one that doesn't answer
    now.
    """
    known = [int(number) for number in _CONSTRAINT.findall(definition)]
    if epoch in known:
        return
    dropped = [f"DROP CONSTRAINT IF EXISTS from_epoch_{n}" for n in known if n < epoch]
    added = (
        f"ADD CONSTRAINT IF NOT EXISTS from_epoch_{epoch} "
        f"CHECK toUInt64OrZero(getSetting('log_comment')) >= {epoch}"
    )
    client.command(f"ALTER TABLE {name} {', '.join((added, *dropped))}")


def _drop_copies(client: Client, tables: Iterable[str], epoch: int, cluster: str | None) -> None:
    """Drop what earlier epochs have left beside the tables, and what a late one has just made."""
    databases = client.query(
        "SELECT name FROM system.databases WHERE startsWith(name, currentDatabase() || '_')"
    ).result_rows
    current = client.command("SELECT currentDatabase()")
    rebuilds = [name for (name,) in databases if name.startswith(f"{current}_rebuild{_OF_EPOCH}")]
    for kind, names in (("TABLE", tables), ("DATABASE", rebuilds)):
        for name in names:
            number = name.rpartition(_OF_EPOCH)[2] if _OF_EPOCH in name else ""
            if number.isdecimal() and int(number) < epoch:
                dropped = f"DROP {kind} IF EXISTS {quote_identifier(name)}"
                client.command(on_cluster(dropped, cluster), settings={"max_table_size_to_drop": 0})


def is_refused(error: DatabaseError) -> bool:
    """Whether ClickHouse refused an insert since another warehouse has a later epoch."""
    return _REFUSED in str(error)


def overtaken() -> ExpectedError:
    """The error of a warehouse whose epoch is over."""
    return ExpectedError(
        "another warehouse on this ClickHouse server has taken over, since nothing was heard of "
        "this one. Nothing is lost or doubled; started again, it waits as a standby"
    )
