"""Inserts of events: those that are new into `events`, the others into `duplicate_events`.

A block may have events of several months, each of which is a part of its own in ClickHouse. So a
kill can leave some of a block's events without the others; the token lets in those that lack.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.codec import container
from reftrail.warehouse.blocks import Block
from reftrail.warehouse.duplicates import EventKey, event_ids, event_key, first_of_each, split
from reftrail.warehouse.known_events import KnownEvents, digests_of, portions
from reftrail.warehouse.missing_rows import missing_for_long

EVENTS_TABLE: Final = "events"
DUPLICATES_TABLE: Final = "duplicate_events"

_ATTEMPTS: Final = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventLoad:
    """A load of events that is being inserted: all its blocks, and its number.

    is_recovered: it was left open, and may be in ClickHouse, in whole or in part. is_unnumbered: it
    was claimed before events had the number of their load.
    """

    blocks: Sequence[Block]
    number: int
    is_recovered: bool
    is_unnumbered: bool


class LoadIds:
    """Ids of a load's events, kept while it is inserted: to make them takes a while."""

    def __init__(self, blocks: Sequence[Block], ids: Sequence[bytes]) -> None:
        self.blocks = blocks
        self.values = ids
        self.digests = digests_of(ids)


class EventInserts:
    """Inserts blocks of events, one at a time; settings of an insert are beside its token."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known = KnownEvents(client)
        self._ids: LoadIds | None = None

    def insert(self, load: EventLoad, block: Block, token: str, settings: dict[str, str]) -> None:
        """Insert one block of a load. The same load comes to the same rows whenever it is tried.

        An event without a load's number was stored before events had any. An open load from that
        time may have stored it itself, so its messages are neither new nor duplicates.
        """
        found_ids = self._ids_of(load)
        stored = self._known.stored_before(found_ids.values, found_ids.digests, load.number)
        own = {key for key, number in stored.items() if load.is_unnumbered and number == 0}
        found = split(block, stored, first_of_each(load.blocks, found_ids.values), own)
        self._put(EVENTS_TABLE, found.events, load, token, settings)
        self._put(DUPLICATES_TABLE, found.duplicates, load, f"{token}#duplicates", settings)

    def follow(self, load: int) -> None:
        """Learn what other warehouses have stored before a load; those of before are finished."""
        self._known.follow(load)

    def stored(self, load: EventLoad) -> None:
        """Note that all blocks of a load are inserted."""
        self._known.stored(self._ids_of(load).digests, load.number)
        self._ids = None

    def _ids_of(self, load: EventLoad) -> LoadIds:
        if self._ids is None or self._ids.blocks is not load.blocks:
            self._ids = LoadIds(load.blocks, event_ids(load.blocks))
        return self._ids

    def _put(
        self,
        table: str,
        values: Sequence[bytes],
        load: EventLoad,
        token: str,
        settings: dict[str, str],
    ) -> None:
        if not values:
            return
        self._insert(table, values, load.number, token, settings)
        if not load.is_recovered:
            return
        for attempt in range(1, _ATTEMPTS):
            if not (missing := missing_for_long(lambda: self._missing(table, values, load.number))):
                return
            _log.warning("%d rows of %s aren't there: inserting them again", len(missing), token)
            again = {"insert_deduplication_token": f"{token}#again {attempt}"}
            self._insert(table, missing, load.number, token, settings | again)
        raise RuntimeError(f"{token} can't be inserted: ClickHouse takes it and doesn't have it")

    def _insert(
        self,
        table: str,
        values: Sequence[bytes],
        number: int,
        token: str,
        settings: dict[str, str],
    ) -> None:
        protected = {"insert_deduplication_token": token} | settings
        self._client.raw_insert(
            table, insert_block=container(values, number), fmt="Avro", settings=protected
        )

    def _missing(self, table: str, values: Sequence[bytes], number: int) -> list[bytes]:
        """Messages of a block that aren't there under the load's number."""
        keys = [event_key(value) for value in values]
        there = {
            EventKey(*row)
            for some in portions(sorted({key.event_id for key in keys}))
            for row in self._client.query(
                f"SELECT DISTINCT event_id, type, ifNull(key_kind, '') FROM {table} "  # noqa: S608  (one of two names)
                "WHERE event_id IN {ids:Array(String)} AND load = {load:UInt64}",
                parameters={"ids": some, "load": number},
            ).result_rows
        }
        return [value for key, value in zip(keys, values, strict=True) if key not in there]
