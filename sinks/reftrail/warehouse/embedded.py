"""Connection to the ClickHouse engine in this process that keeps nothing of a failed query.

chdb 26.9 keeps the rows that a query had written before it failed, by a limit of time or rows for
one, and gives them out in front of the answer to the next query on the same connection. So the
next report would count them, and the next analyst would read them.
"""

from typing import Any, Final

from clickhouse_connect.driver.client import Client

_EMPTY: Final = ("SELECT 1", "TabSeparated")
"""A query, and its format, whose answer takes what was kept with it."""


class EmptiedConnection:
    """A connection of chdb that is emptied before the query after one that did not end well.

    clickhouse-connect asks it under a lock, so no other query comes between.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._may_keep_rows = False

    def query(self, *arguments: Any, **options: Any) -> Any:
        """The answer to a query."""
        self._empty()
        self._may_keep_rows = True
        answer = self._connection.query(*arguments, **options)
        self._may_keep_rows = False
        return answer

    def send_query(self, *arguments: Any, **options: Any) -> Any:
        """The answer to a query in parts, of which the last may be an error."""
        self._empty()
        self._may_keep_rows = True
        return self._connection.send_query(*arguments, **options)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def _empty(self) -> None:
        if self._may_keep_rows:
            self._connection.query(*_EMPTY)
            self._may_keep_rows = False


def keep_nothing(client: Client) -> Client:
    """The same client of chdb, whose connection is emptied after failed queries."""
    handle = client._backend._handle  # type: ignore[attr-defined]  # noqa: SLF001  (no other way in)
    handle.conn = EmptiedConnection(handle.conn)
    return client
