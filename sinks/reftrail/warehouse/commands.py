"""Commands on a warehouse that doesn't run: bring its tables up to date, and rebuild it from Kafka.

An embedded ClickHouse is locked meanwhile, and on a server an epoch is claimed: the command is
refused while a warehouse runs there, and what one that was frozen still inserts, by ClickHouse.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial

from aiokafka.errors import KafkaError
from clickhouse_connect.driver.client import Client
from kafka.errors import KafkaError as AdminError

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topics import PUBLIC_TOPICS
from reftrail.warehouse.changes import Changes
from reftrail.warehouse.clickhouse import connect_for_writing, lock
from reftrail.warehouse.epochs import Epochs, fence, named_by_epoch
from reftrail.warehouse.ledger import Ledger
from reftrail.warehouse.progress import PartitionKey
from reftrail.warehouse.rebuild import (
    Rebuild,
    compare,
    create_database,
    drop_database,
    missing_messages,
    positions_to_reach,
    replace,
)
from reftrail.warehouse.settings import ClickHouseSettings
from reftrail.warehouse.source import KafkaSource, describe
from reftrail.warehouse.standby import Standby
from reftrail.warehouse.tables import apply_ddl

Say = Callable[[str], None]


async def migrate(settings: ClickHouseSettings, say: Say) -> None:
    """Bring tables and views up to date: forward only, and as often as one likes."""

    async def work(client: Client, epoch: int | None) -> None:
        cluster = settings.clickhouse_cluster
        for name in await asyncio.to_thread(apply_ddl, client, cluster=cluster, epoch=epoch):
            say(f"applied {name}")
        say("tables and views are up to date")

    await _alone(settings, work)


async def rebuild(settings: ClickHouseSettings, say: Say, *, replaces: bool) -> None:
    """Load the log again beside the warehouse and compare; with replaces, put it in its place.

    Raises `ExpectedError` if tables differ and aren't replaced.
    """
    await _alone(settings, partial(_rebuild, settings, say, replaces=replaces))


async def _rebuild(
    settings: ClickHouseSettings, say: Say, kept: Client, epoch: int | None, *, replaces: bool
) -> None:
    cluster = settings.clickhouse_cluster
    await asyncio.to_thread(apply_ddl, kept, cluster=cluster, epoch=epoch)
    database = f"{kept.command('SELECT currentDatabase()')}_rebuild"
    if epoch is not None:
        drop_database(kept, database, cluster)  # of a version that didn't name it by the epoch
        database = named_by_epoch(database, epoch)
    create_database(kept, database, cluster)
    fresh = connect_for_writing(settings.clickhouse_path, settings.url, database)
    try:
        await _load_log(settings, Rebuild(kept, fresh, say, cluster), replaces=replaces)
        tables = await asyncio.to_thread(compare, kept, fresh)
        for table in tables:
            verdict = "the same" if table.is_same else "differs"
            say(f"{table.name}: {table.kept.rows} rows, rebuilt {table.rebuilt.rows}: {verdict}")
        if replaces:
            if epoch is not None:
                fence(fresh, epoch)
            changes = Changes(kept, cluster, epoch)
            await asyncio.to_thread(replace, kept, database, changes)
            say("the rebuilt tables are in place")
    finally:
        fresh.close()
        await asyncio.to_thread(drop_database, kept, database, cluster)
    different = [table.name for table in tables if not table.is_same]
    if different and not replaces:
        raise ExpectedError(
            f"these tables differ from what Kafka has: {', '.join(different)}. The warehouse "
            f"is as it was; run it with --replace to put the rebuilt tables in their place"
        )


async def _alone(
    settings: ClickHouseSettings, work: Callable[[Client, int | None], Awaitable[None]]
) -> None:
    """Work on a warehouse that doesn't run; on a server, in an epoch of its own."""
    path = settings.clickhouse_path
    with ExitStack() as closing:
        if path is not None:
            closing.enter_context(lock(path))
        client = connect_for_writing(path, settings.url)
        closing.callback(client.close)
        if path is not None:
            await work(client, None)
            return
        beating = connect_for_writing(None, settings.url)
        closing.callback(beating.close)
        epochs = Epochs(beating, settings.clickhouse_cluster)
        standby = Standby(epochs, settings.warehouse_takeover_seconds)
        epoch = await standby.turn_now()

        async def fenced() -> None:
            await asyncio.to_thread(fence, client, epoch, settings.clickhouse_cluster)
            await work(client, epoch)

        await standby.hold(fenced())


async def _load_log(settings: ClickHouseSettings, again: Rebuild, *, replaces: bool) -> None:
    ends = positions_to_reach(again.kept)
    try:
        sources = await asyncio.to_thread(describe, settings)
        Ledger(again.kept).claim([source for source, _ in sources])
        source = KafkaSource(settings)
        try:
            begins = await source.start(sources, {})
            _check_log(begins, ends, await source.ends(), replaces=replaces)
            await again.load(source, begins, ends)
        finally:
            await source.stop()
    except (KafkaError, AdminError) as error:
        raise ExpectedError(
            f"Kafka at {settings.bootstrap_servers} does not answer ({error!r}); the warehouse is "
            f"as it was"
        ) from error


def _check_log(
    begins: dict[PartitionKey, int],
    ends: dict[PartitionKey, int],
    log_ends: dict[PartitionKey, int],
    *,
    replaces: bool,
) -> None:
    """Raise `ExpectedError` if the log has less than was loaded."""
    if short := [f"{place[0]}[{place[1]}]" for place, end in ends.items() if log_ends[place] < end]:
        raise ExpectedError(
            f"the log ends before what was loaded from it: {', '.join(short)}; restore it from a "
            f"replica or a backup"
        )
    compacted = {topic.name for topic in PUBLIC_TOPICS if topic.compacted}
    missing = missing_messages(begins, ends, compacted)
    if missing and replaces:
        raise ExpectedError(
            f"Kafka no longer has all that was loaded ({', '.join(missing)}), so a rebuild would "
            f"lose it; leave out --replace to compare what is left"
        )
