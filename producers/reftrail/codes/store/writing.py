"""Unit of work: one transaction of the store, in which no row changes without its audit line.

Whatever is written to `codes` or `formats` goes through here, so that the row, its audit line and
what Kafka is to get are in the database together or not at all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import uuid_utils
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from reftrail.codes.model import By, Code, Format
from reftrail.codes.store.reading import lock_found
from reftrail.codes.store.rows import (
    differences,
    format_of,
    row_of,
    row_of_act,
    row_of_format,
)
from reftrail.codes.store.tables import acts, codes, formats, holdings, outbox, sequences
from reftrail.contracts.codec import encode
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.reference import CodeAct, CodeActed, CodeStatus
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import CODE_ACTS, CODE_FORMATS, CODES

_ISSUING: Final = (CodeAct.ISSUED, CodeAct.IMPORTED)

ALL_CAMPAIGNS: Final = "*"
"""The campaign in audit lines of formats that belong to none."""


class ConcurrentUpdate(Exception):  # noqa: N818  (says what happened)
    """Another transaction was first. All of this one is to be done again."""


class UnitOfWork:
    """Changes of one transaction, with actor and time. `flush` before it is committed.

    issued counts the new codes by their origin and format.
    """

    def __init__(self, connection: sa.Connection, by: By, at: Millis) -> None:
        self.connection = connection
        self.by = by
        self.at = at
        self.issued: Counter[tuple[str | None, str | None]] = Counter()
        self._acts: list[CodeActed] = []
        self._outbox: list[tuple[Topic, Record]] = []

    def insert(
        self, act: CodeAct, drafts: Sequence[Code], skeletons: Mapping[str, str] | None = None
    ) -> dict[str, Code]:
        """Insert those codes that are free, and say which; skeletons by code, where it has one.

        Waits for other transactions that are about to insert the same.
        """
        if not drafts:
            return {}
        known = skeletons or {}
        # In one order in all transactions, so that two never wait for each other.
        stamped = {draft.code: self._stamped(None, draft) for draft in sorted(drafts, key=_code)}
        rows = [row_of(draft, known.get(code)) for code, draft in stamped.items()]
        statement = self._inserting(codes).on_conflict_do_nothing().returning(codes.c.code)
        free = set(self.connection.execute(statement, rows).scalars())
        inserted = {code: draft for code, draft in stamped.items() if code in free}
        for code in inserted.values():
            self._log(act, None, code)
            if act in _ISSUING:
                self.issued[code.changed.origin, code.format_name] += 1
        return inserted

    def insert_one(self, act: CodeAct, draft: Code) -> Code:
        """Insert a code that wasn't there a moment ago. Raises `ConcurrentUpdate` if it is now."""
        inserted = self.insert(act, [draft])
        if not inserted:
            raise ConcurrentUpdate
        return inserted[draft.code]

    def update(self, act: CodeAct, changes: Sequence[tuple[Code, Code]]) -> list[Code]:
        """Change codes, which this transaction has locked, from what they are to something else."""
        if not changes:
            return []
        stamped = [self._stamped(before, after) for before, after in changes]
        statement = sa.update(codes).where(codes.c.code == sa.bindparam("of_code"))
        rows = [row_of(after) for after in stamped]
        for row in rows:
            row["of_code"] = row.pop("code")
            del row["skeleton"]
        self.connection.execute(statement, rows)
        for (before, _), after in zip(changes, stamped, strict=True):
            self._log(act, before, after)
        return stamped

    def locked(self, wanted: Iterable[str]) -> dict[str, Code]:
        """Lock existing codes until the transaction's end; by the text that was asked for."""
        return lock_found(self.connection, wanted)

    def holdings(self, scope: str, users: Iterable[str]) -> dict[str, str]:
        """The code of each of these users in a scope."""
        statement = sa.select(holdings.c.user_id, holdings.c.code).where(
            holdings.c.scope == scope, holdings.c.user_id.in_(list(users))
        )
        return {row[0]: row[1] for row in self.connection.execute(statement)}

    def note_holdings(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Note (scope, user, code) of users without a code. Raises `ConcurrentUpdate`."""
        values = [dict(zip(("scope", "user_id", "code"), row, strict=True)) for row in sorted(rows)]
        if not values:
            return
        statement = self._inserting(holdings).on_conflict_do_nothing().returning(holdings.c.user_id)
        if len(self.connection.execute(statement, values).all()) < len(values):
            raise ConcurrentUpdate

    def hand_over(self, old: str, new: str) -> None:
        """Let the holder of one code hold another instead."""
        statement = sa.update(holdings).where(holdings.c.code == old).values(code=new)
        self.connection.execute(statement)

    def count_on(self, sequence: str, numbers: int) -> int:
        """Take so many numbers of a sequence that begins with 1; the first of them."""
        statement = self._inserting(sequences).values(name=sequence, last=numbers)
        counted = statement.on_conflict_do_update(
            index_elements=[sequences.c.name], set_={"last": sequences.c.last + numbers}
        ).returning(sequences.c.last)
        last: int = self.connection.execute(counted).scalar_one()
        return last - numbers + 1

    def formats(self, *, locked: bool = False) -> list[Format]:
        """All formats by name; locked, nobody else may change one until the transaction's end."""
        statement = sa.select(formats).order_by(formats.c.name)
        found = self.connection.execute(statement.with_for_update() if locked else statement)
        return [format_of(row) for row in found.mappings()]

    def define(self, act: CodeAct, before: Format | None, after: Format, codes: int = 0) -> Format:
        """Write a format in place of what it was; codes says how many more this issues."""
        revision = (before.defined.revision if before else 0) + 1
        defined = msgspec.structs.replace(
            after.defined,
            event_id=_new_id(),
            event_time=self.at,
            received_at=self.at,
            revision=revision,
        )
        stamped = replace(after, defined=defined)
        row = row_of_format(stamped)
        if before is None:
            statement = self._inserting(formats).on_conflict_do_nothing().returning(formats.c.name)
            if self.connection.execute(statement, [row]).first() is None:
                raise ConcurrentUpdate
        else:
            self.connection.execute(
                sa.update(formats).where(formats.c.name == row.pop("name")).values(row)
            )
        self._outbox.append((CODE_FORMATS, defined))
        what = _format_differences(before, stamped)
        self._act(act, defined.campaign_id or ALL_CAMPAIGNS, what, revision, codes=codes)
        return stamped

    def announce(self, topic: Topic, record: Record) -> None:
        """Have Kafka get a record of what this transaction wrote."""
        self._outbox.append((topic, record))

    def flush(self) -> None:
        """Write the audit lines and what Kafka is to get; the last thing before the commit."""
        if self._acts:
            self.connection.execute(sa.insert(acts), [row_of_act(act) for act in self._acts])
        if self._outbox:
            rows = [
                {"topic": topic.name, "key": topic.key_of(record), "value": encode(record)}
                for topic, record in self._outbox
            ]
            self.connection.execute(sa.insert(outbox), rows)
        self._acts, self._outbox = [], []

    def _stamped(self, before: Code | None, after: Code) -> Code:
        """The code as it is written now. For one that is stopped, event_time says since when.

        What happened before that still earns, so another act must not put it off.
        """
        stays_stopped = (
            before is not None
            and after.changed.status == before.changed.status != CodeStatus.ACTIVE
        )
        since = before.changed.event_time if before is not None and stays_stopped else self.at
        status = after.changed.status
        changed = msgspec.structs.replace(
            after.changed,
            event_id=_new_id(),
            event_time=since,
            received_at=since,
            revision=(before.changed.revision if before is not None else 0) + 1,
            past_stops=None if before is None else before.changed.past_stops_at(status, self.at),
        )
        return replace(after, changed=changed)

    def _log(self, act: CodeAct, before: Code | None, after: Code) -> None:
        changed = after.changed
        self._outbox.append((CODES, changed))
        what = differences(before, after)
        self._act(act, changed.campaign_id, what, changed.revision, code=changed.code)

    def _act(
        self,
        act: CodeAct,
        campaign_id: str,
        what: tuple[str | None, str | None],
        revision: int,
        **more: Any,
    ) -> None:
        """Write an audit line; what it changed, before and after; code or the number of codes."""
        line = CodeActed(
            event_id=_new_id(),
            event_time=self.at,
            received_at=self.at,
            campaign_id=campaign_id,
            act=act,
            actor=self.by.actor,
            reason=self.by.reason,
            before=what[0],
            after=what[1],
            batch_id=self.by.batch_id,
            revision=revision,
            **more,
        )
        self._acts.append(line)
        self._outbox.append((CODE_ACTS, line))

    def _inserting(self, table: sa.Table) -> Any:
        """An insert that can pass over what is there; both dialects write it alike."""
        is_sqlite = self.connection.dialect.name == "sqlite"
        return (sqlite_insert if is_sqlite else postgresql_insert)(table)


def _format_differences(before: Format | None, after: Format) -> tuple[str | None, str | None]:
    def fields_of(format_: Format) -> dict[str, Any]:
        row = row_of_format(format_)
        return {k: v for k, v in row.items() if k not in ("event_id", "event_time", "revision")}

    new = fields_of(after)
    if before is None:
        return None, msgspec.json.encode(new).decode()
    old = fields_of(before)
    changed = ["name", *(name for name, value in new.items() if old[name] != value)]
    return (
        msgspec.json.encode({name: old[name] for name in changed}).decode(),
        msgspec.json.encode({name: new[name] for name in changed}).decode(),
    )


def _code(code: Code) -> str:
    return code.code


def _new_id() -> str:
    return str(uuid_utils.uuid7())
