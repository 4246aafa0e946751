"""Service of API keys: each act is one transaction of the key's row and what Kafka is to get."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa
import uuid_utils

from reftrail.codes.keys.wanted import WantedKey, checked
from reftrail.codes.model import ActRefused, By, Why
from reftrail.codes.service.transactions import Transactions
from reftrail.codes.store import Store
from reftrail.codes.store.rows import api_key_of, row_of_api_key
from reftrail.codes.store.tables import api_keys
from reftrail.codes.store.writing import ConcurrentUpdate, UnitOfWork
from reftrail.contracts.api_keys import ApiKeyChanged, hash_of
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.contracts.topics import API_KEYS

T = TypeVar("T")

_BYTES: Final = 24
_PREFIXES: Final = {KeyKind.SECRET: "sk_", KeyKind.PUBLISHABLE: "pk_"}


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was made or rotated, and its text, which nobody can show again."""

    record: ApiKeyChanged
    text: str


class ApiKeyService:
    """The keys in a store. clock gives the time of an act."""

    def __init__(self, store: Store, clock: Callable[[], Millis] = now) -> None:
        self._clock = clock
        self._transactions = Transactions(store, clock)

    def create(self, wanted: WantedKey, by: By) -> MadeKey:
        """Make a key. Raises `ActRefused` if its name is taken, also by a revoked one."""
        at = self._clock()
        wanted, text = checked(wanted, at), _text(wanted.kind)

        def create(work: UnitOfWork) -> ApiKeyChanged:
            if _locked(work, wanted.name) is not None:
                raise ActRefused(
                    Why.CLASH,
                    f"there is a key {wanted.name} already; give another name, or rotate that one",
                )
            return _written(
                work,
                None,
                name=wanted.name,
                kind=wanted.kind.value,
                hash=hash_of(text),
                scopes=list(wanted.scopes),
                origins=list(wanted.origins),
                app_ids=list(wanted.app_ids),
                campaigns=list(wanted.campaigns),
                created_at=work.at,
                expires_at=wanted.expires_at,
            )

        return MadeKey(self._run(by, create), text)

    def rotate(self, name: str, overlap: Millis, by: By) -> MadeKey:
        """Give a key another text; the present one is good for so long beside it.

        Raises `ActRefused` while two texts are good already, and for a key that ended.
        """

        def rotate(work: UnitOfWork) -> MadeKey:
            before = _found(work, name)
            if not before.hashes_at(work.at):
                raise ActRefused(Why.STATUS, f"the key {name} has ended; create another one")
            if len(before.hashes_at(work.at)) > 1:
                raise ActRefused(
                    Why.STATUS,
                    f"two texts of the key {name} are good already; once nobody uses the earlier "
                    f"one, end it with: reftrail keys revoke {name} --previous",
                )
            text = _text(KeyKind(before.kind))
            record = _written(
                work,
                before,
                hash=hash_of(text),
                previous_hash=before.hash,
                previous_until=work.at + overlap,
            )
            return MadeKey(record, text)

        return self._run(by, rotate)

    def revoke(self, name: str, by: By) -> ApiKeyChanged:
        """End a key for good, with both texts of a rotation; once more does nothing."""

        def revoke(work: UnitOfWork) -> ApiKeyChanged:
            before = _found(work, name)
            if before.revoked_at is not None:
                return before
            return _written(work, before, revoked_at=work.at)

        return self._run(by, revoke)

    def end_previous(self, name: str, by: By) -> ApiKeyChanged:
        """End the text that a key had before its rotation. Raises `ActRefused` if it has none."""

        def end(work: UnitOfWork) -> ApiKeyChanged:
            before = _found(work, name)
            if len(before.hashes_at(work.at)) < 2:
                raise ActRefused(Why.STATUS, f"no earlier text of the key {name} is good")
            return _written(work, before, previous_until=work.at)

        return self._run(by, end)

    def listed(self) -> list[ApiKeyChanged]:
        """All keys by name, those that ended too."""
        with self._transactions.reading() as connection:
            found = connection.execute(sa.select(api_keys).order_by(api_keys.c.name))
            return [api_key_of(row) for row in found.mappings()]

    def _run(self, by: By, do: Callable[[UnitOfWork], T]) -> T:
        return self._transactions.run(by, do)[1]


def _text(kind: KeyKind) -> str:
    return _PREFIXES[kind] + secrets.token_urlsafe(_BYTES)


def _found(work: UnitOfWork, name: str) -> ApiKeyChanged:
    found = _locked(work, name)
    if found is None:
        raise ActRefused(Why.NOT_FOUND, f"there is no key {name[:80]!r}; see: reftrail keys list")
    return found


def _locked(work: UnitOfWork, name: str) -> ApiKeyChanged | None:
    statement = sa.select(api_keys).where(api_keys.c.name == name).with_for_update()
    row = work.connection.execute(statement).mappings().first()
    return None if row is None else api_key_of(row)


def _written(work: UnitOfWork, before: ApiKeyChanged | None, **changes: Any) -> ApiKeyChanged:
    """A key as it is written now, and announced."""
    fields = {} if before is None else msgspec.structs.asdict(before)
    fields |= changes
    fields |= {
        "event_id": str(uuid_utils.uuid7()),
        "event_time": work.at,
        "received_at": work.at,
        "actor": work.by.actor,
        "reason": work.by.reason,
        "revision": (0 if before is None else before.revision) + 1,
    }
    record = ApiKeyChanged(**fields)
    row = row_of_api_key(record)
    if before is None:
        try:
            work.connection.execute(sa.insert(api_keys), [row])
        except sa.exc.IntegrityError as error:
            raise ConcurrentUpdate from error
    else:
        work.connection.execute(
            sa.update(api_keys).where(api_keys.c.name == row.pop("name")).values(row)
        )
    work.announce(API_KEYS, record)
    return record
