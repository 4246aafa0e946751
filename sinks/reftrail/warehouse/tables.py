"""Tables of the warehouse: applied DDL files, and the table of each topic."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import PUBLIC_TOPICS
from reftrail.warehouse.changes import Changes
from reftrail.warehouse.clustering import check_replicated
from reftrail.warehouse.ddl_files import APPLIED, DdlFile, applied_files, apply_files, ddl_files
from reftrail.warehouse.definitions import are_defined, define_views, fingerprint_of
from reftrail.warehouse.new_warehouse import NEW_WAREHOUSE, create_tables, is_to_be_made

_BY_EVENT_ID: Final = ("event_id",)
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "codes": ("code",),
    "code_formats": ("name",),
    "campaigns": ("campaign_id", "version"),
    "touches": ("visitor_id",),
    "lists": ("subject", "value"),
}
_NAMES: Final = {"payouts": "statements"}
"""Tables that are not named after their topic."""


@dataclass(frozen=True, slots=True)
class Table:
    """Table of a topic's records. Rows that are equal in the key's columns collapse into one.

    Events never do: those known already are found before they are stored, see `duplicates`.
    """

    name: str
    key: tuple[str, ...]


def _table_name(topic: Topic) -> str:
    return _NAMES.get(topic.name, topic.name.replace("-", "_"))


TABLES: Final = {
    topic: Table(name, _KEYS.get(name, _BY_EVENT_ID))
    for topic, name in ((topic, _table_name(topic)) for topic in PUBLIC_TOPICS)
}
"""Of a topic's main record."""

_ALSO: Final = {
    "RewardWithdrawn": Table("reward_withdrawn", _BY_EVENT_ID),
    "AdjustmentDecided": Table("adjustment_decisions", _BY_EVENT_ID),
    "StatementLine": Table("statement_lines", _BY_EVENT_ID),
    "StatementChanged": Table("statement_changes", _BY_EVENT_ID),
}
"""Of the further records that topics carry, by the schema's record."""


def apply_ddl(
    client: Client,
    given: Iterable[DdlFile] | None = None,
    cluster: str | None = None,
    epoch: int | None = None,
    *,
    with_views: bool = True,
) -> list[str]:
    """Bring the tables and views up to date, in an epoch; says which files were applied now.

    Without views, which are half of the work for a new one, it is a database that nobody asks.

    Raises `ExpectedError` if a file applied before has been changed since, or isn't known here, or
    tables that are to be on a cluster are on one server.
    """
    wanted = list(ddl_files() if given is None else given)
    if cluster is not None:
        check_replicated(client)
    applied = applied_files(client, cluster)
    begun = applied.pop(NEW_WAREHOUSE, None)
    if unknown := sorted(applied.keys() - {file.name for file in wanted}):
        raise ExpectedError(
            f"this warehouse was made by a newer reftrail: {', '.join(unknown)} was applied to it "
            f"and isn't known here; run that version"
        )
    changes = Changes(client, cluster, epoch)
    is_new = given is None and not applied and is_to_be_made(client, begun)
    created = create_tables(client, begun, changes) if is_new else []
    applied |= {file.name: file.checksum for file in created}
    now = [*(file.name for file in created), *apply_files(client, wanted, applied, changes)]
    if with_views:
        _update_views(client, fingerprint_of(client, wanted), changes, cluster)
    return now


def _update_views(client: Client, fingerprint: str, changes: Changes, cluster: str | None) -> None:
    """Make the views unless they are there: 0.2 s of processor time, at each start.

    On a cluster they always are made, since its other servers aren't asked.
    """
    if cluster is not None or not are_defined(client, fingerprint):
        define_views(client, changes, fingerprint)


def is_up_to_date(client: Client) -> bool:
    """Whether all files that are known here were applied, by any warehouse."""
    made = client.query(
        "SELECT count() FROM system.tables "
        "WHERE database = currentDatabase() AND name = {name:String}",
        parameters={"name": APPLIED},
    )
    if made.result_rows[0][0] == 0:
        return False
    applied = {name for (name,) in client.query("SELECT name FROM ddl_applied").result_rows}
    return {file.name for file in ddl_files()} <= applied


def table_of(topic: Topic, record: str | None = None) -> Table:
    """The table of a public topic: of its main record, unless another one is named."""
    return TABLES[topic] if record is None else _ALSO.get(record, TABLES[topic])
