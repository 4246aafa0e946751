"""Migrations from the tables of an older version to those of this one."""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Final

import sqlalchemy as sa

from reftrail.codes.store.tables import CANONICAL, VERSION, codes, codes_by_canonical, installed
from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.errors import ExpectedError

_MOST_LISTED: Final = 100
_REMOVAL: Final = "DELETE FROM codes WHERE code = 'CODE'"


def migrate(connection: sa.Connection, version: int, store: str) -> None:
    """Bring the tables from a version to this one, in the caller's transaction.

    Raises `ExpectedError`, with the version left as it is, for codes that can't stay.
    """
    for step in range(version, VERSION):
        _STEPS[step](connection, store)
    connection.execute(sa.update(installed).values(version=VERSION))


def _make_codes_unique_in_any_case(connection: sa.Connection, store: str) -> None:
    """Migrate from version 1 to 2."""
    alike = _differing_in_case_only(connection)
    if alike:
        raise ExpectedError(_refusal(store, alike))
    codes_by_canonical.create(connection)


def _differing_in_case_only(connection: sa.Connection) -> list[list[str]]:
    """The codes that are one code by now, in groups."""
    twice = sa.select(CANONICAL).group_by(CANONICAL).having(sa.func.count() > 1)
    found = connection.execute(sa.select(codes.c.code).where(CANONICAL.in_(twice))).scalars()
    return [list(group) for _, group in groupby(sorted(sorted(found), key=canonical), canonical)]


def _refusal(store: str, alike: list[list[str]]) -> str:
    lines = [f"  {', '.join(group)}\n" for group in alike[:_MOST_LISTED]]
    if len(alike) > _MOST_LISTED:
        lines.append(f"  and {len(alike) - _MOST_LISTED:,} more\n")
    return (
        f"the store of codes {store} has codes that differ only in the case of their letters, "
        f"which are one code from this version on:\n{''.join(lines)}"
        f"Nothing was changed. Choose which code of each line stays. For every other one, with the "
        f"reftrail that you had before: reftrail codes reissue CODE gives its owner a new code and "
        f"revokes it, reftrail codes revoke CODE only ends it. Then take it out of the store, "
        f"{_REMOVAL}, and start this version again"
    )


def _keep_past_stops(connection: sa.Connection, store: str) -> None:  # noqa: ARG001
    """Migrate from version 2 to 3. What was stopped before has no record of it."""
    connection.execute(sa.text("ALTER TABLE codes ADD COLUMN past_stops TEXT"))


def _add_keys(connection: sa.Connection, store: str) -> None:
    """Migrate from version 3 to 4. The table of API keys is made when a store is opened.

    An older reftrail must not write to this one: it would hash owners without naming the key.
    """


_STEPS: Final[Mapping[int, Callable[[sa.Connection, str], None]]] = {
    1: _make_codes_unique_in_any_case,
    2: _keep_past_stops,
    3: _add_keys,
}
