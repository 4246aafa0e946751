"""Tables of a new warehouse in one step: those to which all DDL files lead.

File after file, a table is altered up to a dozen times before its first row, and each file is
noted by itself: three quarters of a new warehouse's start. `new_warehouse.sql` has the tables as
the last file leaves them. Write it anew with a new DDL file:

    python -m reftrail.warehouse.new_warehouse > sinks/reftrail/warehouse/new_warehouse.sql
"""

import re
import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse.changes import Changes
from reftrail.warehouse.clickhouse import connect_for_writing
from reftrail.warehouse.ddl_files import (
    APPLIED,
    DdlFile,
    applied_files,
    apply_files,
    ddl_files,
    note_applied,
)
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.epochs import EPOCHS, STEPS

NEW_WAREHOUSE: Final = "new_warehouse.sql"

_BEFORE_ALL: Final = (APPLIED, EPOCHS, STEPS)
"""Tables that are there before a warehouse is made."""

_LAST: Final = re.compile(r"-- up to (\S+)\n")


def is_to_be_made(client: Client, begun: str | None) -> bool:
    """Whether a warehouse without an applied file is new, or its making was begun.

    begun: the checksum of the file by which it was. Raises `ExpectedError` if that is another one.
    """
    file = new_warehouse_file()
    if begun is not None and begun != file.checksum:
        raise ExpectedError(
            "another version of reftrail ended while it made the tables of this warehouse, which "
            "has no data yet; start that version, or empty the warehouse"
        )
    return begun is not None or _is_empty(client)


def _is_empty(client: Client) -> bool:
    tables = client.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    return all(row[0] in _BEFORE_ALL for row in tables.result_rows)


def create_tables(
    client: Client, begun: str | None = None, changes: Changes | None = None
) -> list[DdlFile]:
    """Create the tables of a new warehouse, and note the files that these make up for.

    Returns those files. That it has begun is noted before, so that the next start goes on with it
    after a crash halfway: tables that are there are left as they are.
    """
    file = new_warehouse_file()
    found = _LAST.match(file.text)
    assert found is not None, f"{file.name} doesn't say up to which DDL file it goes"
    if begun is None:
        note_applied(client, [file])
    by = changes or Changes(client)
    for statement in file.statements():
        by.run(statement, file.name)
    done = [ddl for ddl in ddl_files() if ddl.name <= found[1]]
    note_applied(client, done)
    return done


def new_warehouse_file() -> DdlFile:
    """The statements for a new warehouse."""
    text = files("reftrail.warehouse").joinpath(NEW_WAREHOUSE).read_text("utf-8")
    return DdlFile(NEW_WAREHOUSE, text)


def definitions(client: Client) -> str:
    """The text of `new_warehouse.sql` for the tables that a warehouse has."""
    ddl = "".join(file.text for file in ddl_files())
    rows = client.query(
        "SELECT name, engine LIKE '%View', formatQuery(replaceRegexpOne(create_table_query, "
        r"'^(CREATE (?:TABLE|VIEW|MATERIALIZED VIEW) )', '\\1IF NOT EXISTS ')), currentDatabase() "
        "FROM system.tables WHERE database = currentDatabase() ORDER BY name"
    ).result_rows
    tables = [row for row in rows if not row[1] and row[0] not in _BEFORE_ALL]
    views = [row for row in rows if row[1] and row[0] not in VIEWS]
    views.sort(key=lambda row: ddl.rindex(f" {row[0]} "))  # each reads those before it
    texts = [text.replace(f"{database}.", "") for _, _, text, database in (*tables, *views)]
    return f"-- up to {ddl_files()[-1].name}\n" + "".join(f"{text};\n" for text in texts)


def main() -> None:
    """Print `new_warehouse.sql` as it should be."""
    with TemporaryDirectory() as directory:
        client = connect_for_writing(Path(directory) / "clickhouse", None)
        apply_files(client, ddl_files(), applied_files(client))
        sys.stdout.write(definitions(client))
        client.close()


if __name__ == "__main__":
    main()
