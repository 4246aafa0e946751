"""DDL files: numbered, applied once each, in order, and never edited afterwards."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse.changes import Changes
from reftrail.warehouse.clickhouse import insert_rows
from reftrail.warehouse.clustering import on_cluster

APPLIED: Final = "ddl_applied"
"""The table that has the names and checksums of the files that were applied."""

_COMMENT: Final = re.compile(r"--[^\n]*")
_APPLIED: Final = """
CREATE TABLE IF NOT EXISTS ddl_applied (
    name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree ORDER BY name SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""


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
        """Each ends with a semicolon at the end of a line; a comment alone is none."""
        return (part for part in self.text.split(";\n") if _COMMENT.sub("", part).strip())


def ddl_files() -> list[DdlFile]:
    """All files that come with this version, in order."""
    folder = files("reftrail.warehouse").joinpath("ddl")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return [DdlFile(e.name, e.read_text("utf-8")) for e in sorted(found, key=lambda e: e.name)]


def applied_files(client: Client, cluster: str | None = None) -> dict[str, str]:
    """The checksums of the files that were applied to a warehouse, by name."""
    client.command(on_cluster(_APPLIED, cluster))
    rows = client.query("SELECT name, checksum FROM ddl_applied").result_rows
    return {row[0]: row[1] for row in rows}


def apply_files(
    client: Client,
    wanted: Iterable[DdlFile],
    applied: Mapping[str, str],
    changes: Changes | None = None,
) -> list[str]:
    """Apply the files that weren't applied yet, by such changes; returns their names.

    Raises `ExpectedError` if a file applied before has been changed since.
    """
    by = changes or Changes(client)
    return [file.name for file in wanted if _apply(by, file, applied.get(file.name))]


def _apply(changes: Changes, file: DdlFile, checksum: str | None) -> bool:
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
    for statement in DdlFile(file.name, changes.text_of(file.text)).statements():
        changes.run(statement, file.name)
    note_applied(changes.client, [file])
    return True


def note_applied(client: Client, done: Iterable[DdlFile]) -> None:
    """Note files as applied."""
    rows = [{"name": file.name, "checksum": file.checksum} for file in done]
    insert_rows(client, APPLIED, rows)
