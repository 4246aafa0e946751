"""A client of ClickHouse whose process ends at one of its inserts."""

from typing import Any


class Crash(BaseException):
    """The process is gone."""


class CutShort:
    """A client that is cut off before or after its nth insert, counted from 1."""

    def __init__(self, client: Any, nth: int, *, after: bool) -> None:
        self._client = client
        self._left = nth
        self._after = after

    def raw_insert(self, *args: Any, **kwargs: Any) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            self._end()
        self._client.raw_insert(*args, **kwargs)
        if self._left == 0:
            self._end()

    def _end(self) -> None:
        raise Crash

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
