"""Owners' signals under another hash key than the present one, and their renewal.

The owner of a code is recognised in who signs up by hashes in the code's record. After a change of
the hash key those of events are under the new key, and equal none of them. A hash can't be made
from another one, but an event brings the value itself: where its hash under the former key is that
of an owner, the owner's is made anew, before the event is written.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from reftrail.codes.model import ActRefused, By
from reftrail.codes_api.mutations import published
from reftrail.codes_api.store_access import NO_STORE, Backend, Opened
from reftrail.collector.interfaces import Signals
from reftrail.contracts.reference import CodeChanged
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.pseudonyms import Pseudonyms

logger = logging.getLogger(__name__)

_BY: Final = By(actor="collector", reason="hashed under the present key")
MOST_CODES: Final = 100
"""The most codes that one event renews; the next event goes on, and what is left is counted."""
_NETWORK: Final = "owner_network_hash"


class Outcomes(Protocol):
    """Counts renewals by their outcome (renewed, failed, put_off)."""

    def __call__(self, outcome: str) -> None:
        """Count one."""


class OwnerHashes:
    """The owners whose signals are under other keys: those of the former key by their hashes.

    on_unknown takes the number of codes with signals under keys that nobody here knows.
    """

    def __init__(
        self, present: str, former: str | None, on_unknown: Callable[[int], object]
    ) -> None:
        self._present = present
        self._former = former
        self._on_unknown = on_unknown
        self._codes: dict[tuple[str, str], set[str]] = {}
        self._entries: dict[str, list[tuple[str, str]]] = {}
        self._unknown: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, code: CodeChanged) -> None:
        """Take in a revision of a code."""
        self.drop(code.code)
        hashes = code.owner_hashes()
        former = [
            (name, digits)
            for name, of_signal in hashes.items()
            for key_id, digits in of_signal
            if self._former is not None and key_id in (self._former, None)
            if self._present not in dict(of_signal)
        ]
        if former:
            self._entries[code.code] = former
            for entry in former:
                self._codes.setdefault(entry, set()).add(code.code)
        known = {self._present, self._former, None}
        if any(known.isdisjoint(dict(of_signal)) for of_signal in hashes.values()):
            self._unknown.add(code.code)
            self._on_unknown(len(self._unknown))

    def drop(self, code: str) -> None:
        """Forget a code."""
        for entry in self._entries.pop(code, ()):
            self._codes[entry].discard(code)
            if not self._codes[entry]:
                del self._codes[entry]
        if code in self._unknown:
            self._unknown.discard(code)
            self._on_unknown(len(self._unknown))

    def having(self, hashes: Mapping[str, str]) -> dict[str, set[str]]:
        """The codes whose owners have some of these hashes, and which fields they are in."""
        found: dict[str, set[str]] = {}
        for entry in hashes.items():
            for code in self._codes.get(entry, ()):
                found.setdefault(code, set()).add(entry[0])
        return found


class Renewal:
    """Renews hashes of owners from signals of events. former None: no key is being changed."""

    def __init__(
        self,
        owners: OwnerHashes,
        present: Pseudonyms,
        former: Pseudonyms | None,
        backend: Backend,
        count: Outcomes,
    ) -> None:
        self._owners = owners
        self._present = present
        self._former = former
        self._backend = backend
        self._count = count
        if former is not None and not backend.is_configured:
            logger.warning("owners' hashes under %s aren't renewed: %s", former.key_id, NO_STORE)

    @property
    def is_idle(self) -> bool:
        """Whether no owner's signals can be renewed: none are under the former key, or no store."""
        return self._former is None or not self._owners or not self._backend.is_configured

    async def renew(self, seen: Iterable[Signals]) -> None:
        """Renew owners that signals show; return when Kafka has them, or that has failed."""
        if self._former is None:
            return
        wanted: dict[str, dict[str, str]] = {}
        for signals in dict.fromkeys(seen):
            matches = self._owners.having(self._former.of_owner(*signals))
            if not matches:
                continue
            new = self._present.of_owner(*signals)
            # A network is shared by many: its codes must not crowd out the person's own.
            matching = sorted(matches.items(), key=lambda match: (match[1] == {_NETWORK}, match[0]))
            for code, names in matching[:MOST_CODES]:
                wanted.setdefault(code, {}).update({name: new[name] for name in names})
            for _ in matching[MOST_CODES:]:
                self._count("put_off")
        if wanted:
            await self._renew(wanted, (self._former.key_id, self._present.key_id))

    async def _renew(self, wanted: Mapping[str, Mapping[str, str]], keys: tuple[str, str]) -> None:
        """Renew the hashes of each code, and wait for Kafka once."""
        refused: list[str] = []

        def rehash(opened: Opened) -> None:
            for code, hashes in wanted.items():
                try:
                    opened.service.rehash(code, _BY, keys, hashes)
                except ActRefused as error:
                    why = str(error)
                    logger.warning("the owner of %s keeps hashes under %s: %s", code, keys[0], why)
                    refused.append(code)

        try:
            is_published = await published(self._backend, rehash)
        except RequestRefused as error:
            logger.warning("%d owners keep hashes under %s: %s", len(wanted), keys[0], error)
            is_published = False
        for code in wanted:
            self._count("renewed" if is_published and code not in refused else "failed")
