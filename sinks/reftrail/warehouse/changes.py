"""Changes of tables, which a warehouse whose epoch is over can't finish.

ClickHouse checks constraints in inserts alone, not in DDL. So before each statement a row is
inserted into `ddl_steps`, which is fenced as all tables are. That leaves the time between the row
and the statement, and for the exchange of a table with a copy of it that time matters. Therefore
the copy is named by the epoch, and the next holder's fence drops it: an exchange that is late has
nothing to exchange with, and a copy that is made late is followed by a row that is refused.
"""

import re
from typing import Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.warehouse.clickhouse import insert_rows
from reftrail.warehouse.clustering import on_cluster
from reftrail.warehouse.epochs import STEPS, fence_table, named_by_epoch

_COMMENTS: Final = r"(?:\s|--[^\n]*\n)*"
_CREATED: Final = re.compile(rf"{_COMMENTS}CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
_COPY: Final = re.compile(r"^EXCHANGE TABLES \w+ AND (\w+)", re.MULTILINE)


class Changes:
    """Statements that change tables, in an epoch; as they are where there is none."""

    def __init__(
        self, client: Client, cluster: str | None = None, epoch: int | None = None
    ) -> None:
        self.client = client
        self._cluster = cluster
        self._epoch = epoch

    def run(self, statement: str, of: str) -> None:
        """Run a statement of a file. A table that it creates is fenced right after.

        ClickHouse refuses it if another warehouse has a later epoch: see `epochs.is_refused`.
        """
        if self._epoch is None:
            self.client.command(on_cluster(statement, self._cluster))
            return
        self._note(of, self._epoch)
        try:
            self.client.command(on_cluster(statement, self._cluster))
            if created := _CREATED.match(statement):
                fence_table(self.client, created[1], self._epoch)
        except DatabaseError:
            self._note(of, self._epoch)  # says so if it is the copy that the next holder dropped
            raise

    def text_of(self, text: str) -> str:
        """A file's text, with the copies that it exchanges named by the epoch.

        What a version that didn't name them so has left half-done is dropped first.
        """
        if self._epoch is None:
            return text
        for name in dict.fromkeys(_COPY.findall(text)):
            text = re.sub(rf"\b{name}\b", named_by_epoch(name, self._epoch), text)
            text = f"DROP TABLE IF EXISTS {name} SETTINGS max_table_size_to_drop = 0;\n{text}"
        return text

    def _note(self, of: str, epoch: int) -> None:
        insert_rows(self.client, STEPS, [{"epoch": epoch, "name": of}])
