"""Tables of the warehouse: applied DDL files, and the table of each topic."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import PUBLIC_TOPICS
from reftrail.warehouse.clickhouse import insert_rows

_APPLIED: Final = """
CREATE TABLE IF NOT EXISTS ddl_applied (
    name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree ORDER BY name SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""

_KEYS: Final = {
    "codes": "code",
    "code_formats": "name",
    "campaigns": "(campaign_id, version)",
    "touches": "visitor_id",
    "lists": "(subject, value)",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Table of a topic's records. Rows with equal key (an SQL expression) collapse into one."""

    name: str
    key: str


TABLES: Final = {
    topic: Table(name, _KEYS.get(name, "event_id"))
    for topic, name in ((topic, topic.name.replace("-", "_")) for topic in PUBLIC_TOPICS)
}
"""Of a topic's main record."""

_ALSO: Final = {"RewardWithdrawn": Table("reward_withdrawn", "event_id")}
"""Of the further records that topics carry, by the schema's record."""


@dataclass(frozen=True, slots=True)
class DdlFile:
    """One numbered file of statements."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Of its bytes, SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self) -> Iterator[str]:
        """Each ends with a semicolon at the end of a line."""
        return (part for part in self.text.split(";\n") if part.strip())


def ddl_files() -> list[DdlFile]:
    """All files that come with this version, in order."""
    folder = files("reftrail.warehouse").joinpath("ddl")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return [DdlFile(e.name, e.read_text("utf-8")) for e in sorted(found, key=lambda e: e.name)]


def apply_ddl(client: Client, given: Iterable[DdlFile] | None = None) -> list[str]:
    """Bring the tables up to date; says which files were applied now.

    Raises `ExpectedError` if a file applied before has been changed since, or isn't known here.
    """
    wanted = list(ddl_files() if given is None else given)
    client.command(_APPLIED)
    rows = client.query("SELECT name, checksum FROM ddl_applied").result_rows
    applied: dict[str, str] = {row[0]: row[1] for row in rows}
    if unknown := sorted(applied.keys() - {file.name for file in wanted}):
        raise ExpectedError(
            f"this warehouse was made by a newer reftrail: {', '.join(unknown)} was applied to it "
            f"and isn't known here; run that version"
        )
    return [file.name for file in wanted if _apply(client, file, applied.get(file.name))]


def _apply(client: Client, file: DdlFile, checksum: str | None) -> bool:
    if checksum == file.checksum:
        return False
    if checksum is not None:
        raise ExpectedError(
            f"ddl/{file.name} was edited after it had been applied to this warehouse. If you did "
            f"it, put it back as it was, and make the change in a new file with the next number. "
            f"If not, a reftrail from before the first release made this warehouse: run that one, "
            f"or set REFTRAIL_CLICKHOUSE_PATH (or _URL) to an empty one, which is then loaded from "
            f"the topics"
        )
    for statement in file.statements():
        client.command(statement)
    insert_rows(client, "ddl_applied", [{"name": file.name, "checksum": file.checksum}])
    return True


def table_of(topic: Topic, record: str | None = None) -> Table:
    """The table of a public topic: of its main record, unless another one is named."""
    return TABLES[topic] if record is None else _ALSO.get(record, TABLES[topic])
