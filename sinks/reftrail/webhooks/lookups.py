"""Lookups of receivers' host names that end in time, whatever the resolver does."""

import socket
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, Final

_MOST_HANGING: Final = 100
"""The most lookups that are under way at once: as many as there may be webhooks."""


class LookupTimeout(Exception):  # noqa: N818  named after what became of the lookup
    """A name's addresses weren't there in time."""


class Lookups:
    """Lookups by the system's resolver; may be used by many threads.

    `getaddrinfo` takes no time limit and can't be interrupted, so each runs in a thread that may be
    left behind. While one hangs, whoever asks for the same name waits for it too, for their own
    time: a name never holds more than one thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: dict[tuple[str, int], Future[list[Any]]] = {}

    def addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """The addresses of a host. Raises `LookupTimeout`, OSError, UnicodeError."""
        try:
            found = self._lookup(host, port).result(timeout=max(seconds, 0.0))
        except TimeoutError as error:
            raise LookupTimeout(
                f"{host} wasn't looked up in time; see whether this machine's name server answers"
            ) from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _lookup(self, host: str, port: int) -> "Future[list[Any]]":
        key = (host, port)
        with self._lock:
            lookup = self._under_way.get(key)
            if lookup is not None:
                return lookup
            if len(self._under_way) >= _MOST_HANGING:
                raise LookupTimeout(f"{len(self._under_way)} other names are still looked up")
            lookup = Future()
            # A daemon: one that hangs doesn't keep the process from ending.
            Thread(
                target=self._look_up, args=(key, lookup), name=f"lookup {host}", daemon=True
            ).start()
            self._under_way[key] = lookup
            return lookup

    def _look_up(self, key: tuple[str, int], lookup: "Future[list[Any]]") -> None:
        try:
            found = socket.getaddrinfo(*key, type=socket.SOCK_STREAM)
        except BaseException as error:  # noqa: BLE001  it is raised where somebody waits for it
            failure: BaseException | None = error
        else:
            failure = None
        with self._lock:
            del self._under_way[key]
        if failure is None:
            lookup.set_result(found)
        else:
            lookup.set_exception(failure)
