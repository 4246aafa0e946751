"""DDL for a cluster, as the engine's own parser reads it. No cluster is at hand to run it on."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client
from support.clickhouse import ClickHouse

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse.changes import Changes
from reftrail.warehouse.clustering import on_cluster
from reftrail.warehouse.ddl_files import APPLIED, ddl_files
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.epochs import EPOCHS, STEPS, Epochs
from reftrail.warehouse.new_warehouse import new_warehouse_file
from reftrail.warehouse.rebuild import create_database, drop_database, replace
from reftrail.warehouse.settings import ClickHouseSettings
from reftrail.warehouse.tables import apply_ddl

CLUSTER: Final = "main"
HAS_DATA: Final = ("INSERT", "SELECT", "SYSTEM")


def parsed(client: Client, statements: Iterable[str]) -> list[str]:
    """Statements as ClickHouse writes them after it has parsed them."""
    written = []
    for statement in statements:
        quoted = json.dumps(statement)[1:-1].replace("'", "\\'").replace('\\"', '"')
        (row,) = client.query(f"SELECT formatQuery('{quoted}')").result_rows
        written.append(str(row[0]))
    return written


def on_one_server(text: str) -> str:
    """The statement again, without what a cluster has."""
    text = re.sub(rf" ON CLUSTER (?:'{CLUSTER}'|{CLUSTER})", "", text)
    text = re.sub(r", replicated_deduplication_window_seconds = \d+", "", text)
    text = text.replace("replicated_dedup", "non_replicated_dedup")
    return text.replace("ENGINE = Replicated", "ENGINE = ")


class ClusterOfOne:
    """A client whose statements are parsed as a cluster gets them, and run on one server."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.said: list[str] = []

    def command(self, text: str, *args: Any, **kwargs: Any) -> Any:
        (found,) = parsed(self._client, [text])
        self.said.append(found)
        return self._client.command(on_one_server(text), *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def statements() -> list[str]:
    files = [new_warehouse_file(), *ddl_files()]
    return [statement for file in files for statement in file.statements()]


def test_each_statement_is_the_same_for_all_servers(clickhouse: ClickHouse) -> None:
    plain = parsed(clickhouse.writing, statements())
    clustered = parsed(clickhouse.writing, [on_cluster(text, CLUSTER) for text in statements()])

    assert [on_one_server(text) for text in clustered] == plain
    for text in clustered:
        assert text.startswith(HAS_DATA) == ("ON CLUSTER" not in text), text
        assert "ENGINE = Merge" not in text
        assert "ENGINE = Replacing" not in text
        assert "non_replicated" not in text
    assert sum("ENGINE = ReplicatedReplacingMergeTree(" in text for text in clustered) > 20


def test_without_a_cluster_nothing_changes() -> None:
    assert [on_cluster(text, None) for text in statements()] == statements()


def test_a_statement_of_a_new_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="RENAME TABLE a"):
        on_cluster("RENAME TABLE a TO b", CLUSTER)


def test_a_new_warehouse_is_made_on_all_servers(clickhouse: ClickHouse) -> None:
    client = clickhouse.beside("clustered")
    cluster = ClusterOfOne(client)

    Epochs(cluster, CLUSTER)  # type: ignore[arg-type]
    for name in (EPOCHS, STEPS):  # those that aren't replicated would be refused
        client.command(f"DROP TABLE {name}")
    apply_ddl(cluster, cluster=CLUSTER)  # type: ignore[arg-type]

    assert all("ON CLUSTER" in text for text in cluster.said)
    made = " ".join(cluster.said)
    for name in (EPOCHS, STEPS, APPLIED, "events", "loads", "touched_arms_of_touches", *VIEWS):
        assert f" {name} ON CLUSTER" in made
    with pytest.raises(ExpectedError, match=r"aren't replicated .*name an empty database"):
        apply_ddl(client, cluster=CLUSTER)
    client.close()


def test_a_rebuild_is_put_in_place_on_all_servers(clickhouse: ClickHouse) -> None:
    cluster = ClusterOfOne(clickhouse.writing)
    kept: Any = cluster

    create_database(kept, "re-built", CLUSTER)
    fresh = clickhouse.connect("re-built")
    apply_ddl(fresh)
    replace(kept, "re-built", Changes(kept, CLUSTER))
    fresh.close()
    drop_database(kept, "re-built", CLUSTER)

    assert len(cluster.said) > len(VIEWS)
    assert all("ON CLUSTER" in text for text in cluster.said)


def test_a_cluster_is_one_of_servers() -> None:
    with pytest.raises(ValueError, match="REFTRAIL_CLICKHOUSE_URL to one of them"):
        ClickHouseSettings(
            bootstrap_servers="b:1", clickhouse_path=Path("x"), clickhouse_cluster=CLUSTER
        )
