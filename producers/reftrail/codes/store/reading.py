"""Queries of the store; none changes anything."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from reftrail.codes.model import ActRefused, Code, Filter, Format, Page, Why
from reftrail.codes.store.rows import act_of, code_of, format_of
from reftrail.codes.store.tables import CANONICAL, acts, codes, formats
from reftrail.codes.validation import check_filter
from reftrail.contracts.code_spelling import canonical, is_code
from reftrail.contracts.reference import OWNER_HASHES, CodeActed

LARGEST_PAGE: Final = 1_000


def find_codes(connection: sa.Connection, wanted: Iterable[str]) -> dict[str, Code]:
    """The registered codes, by the text that was asked for."""
    return _found(connection, wanted, locked=False)


def lock_found(connection: sa.Connection, wanted: Iterable[str]) -> dict[str, Code]:
    """The same, held until the transaction's end."""
    return _found(connection, wanted, locked=True)


def _found(connection: sa.Connection, wanted: Iterable[str], *, locked: bool) -> dict[str, Code]:
    """The registered codes by the texts that they are asked for by, in any case of letters."""
    forms = {text: form for text in wanted if is_code(form := canonical(text))}
    if not forms:
        return {}
    statement = sa.select(codes).where(CANONICAL.in_(set(forms.values()))).order_by(codes.c.code)
    found = connection.execute(statement.with_for_update() if locked else statement).mappings()
    registered = {canonical(row["code"]): code_of(row) for row in found}
    return {text: registered[form] for text, form in forms.items() if form in registered}


def page_of(connection: sa.Connection, which: Filter, cursor: str | None, limit: int) -> Page:
    """A page of codes in alphabetical order, from where the cursor leads."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise ActRefused(Why.INVALID, f"limit is {limit}; give 1 to {LARGEST_PAGE}")
    check_filter(which)
    after = _position(cursor, which) if cursor is not None else None
    found = _codes(connection, _behind(which, after, limit + 1))
    more = len(found) > limit
    shown = found[:limit]
    return Page(tuple(shown), _cursor(shown[-1].code, which) if more else None)


def lock_codes(
    connection: sa.Connection,
    which: Filter,
    after: str | None,
    limit: int,
    among: Iterable[str],
) -> list[Code]:
    """The codes that fit and have one of some statuses, held by this transaction.

    In alphabetical order from behind one of them, so that no two transactions wait for each other.
    """
    statement = _behind(which, after, limit).where(codes.c.status.in_(list(among)))
    return _codes(connection, statement.with_for_update())


def codes_hashed_otherwise(connection: sa.Connection, known: Iterable[str]) -> list[Code]:
    """Codes with a signal of their owners that is under none of these hash keys, in order."""
    of_known = [f" {key_id}:" for key_id in known]
    held = {name: sa.literal(" ").concat(codes.c[name]) for name in OWNER_HASHES}
    are_otherwise = [  # replaced, since LIKE takes k1 for K1 in SQLite
        sa.and_(
            codes.c[name].is_not(None),
            *(sa.func.replace(held[name], start, "") == held[name] for start in of_known),
        )
        for name in OWNER_HASHES
    ]
    statement = sa.select(codes).where(sa.or_(*are_otherwise)).order_by(codes.c.code)
    return _codes(connection, statement)


def audit_of(connection: sa.Connection, code: str) -> list[CodeActed]:
    """The audit lines of a code by its registered spelling, in order."""
    if not is_code(code):
        return []
    statement = sa.select(acts).where(acts.c.code == code).order_by(acts.c.number)
    return [act_of(row) for row in connection.execute(statement).mappings()]


def all_formats(connection: sa.Connection) -> list[Format]:
    """All formats by name."""
    found = connection.execute(sa.select(formats).order_by(formats.c.name))
    return [format_of(row) for row in found.mappings()]


def used_by_format(connection: sa.Connection) -> dict[str, int]:
    """The number of codes of each format that has any."""
    statement = (
        sa.select(codes.c.format, sa.func.count())
        .where(codes.c.format.is_not(None))
        .group_by(codes.c.format)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def used_of(connection: sa.Connection, format_name: str) -> int:
    """The number of codes of one format."""
    statement = sa.select(sa.func.count()).where(codes.c.format == format_name)
    count: int = connection.execute(sa.select(statement.scalar_subquery())).scalar_one()
    return count


def skeletons_taken(connection: sa.Connection, skeletons: Iterable[str]) -> set[str]:
    """The skeletons of these that some code has."""
    statement = sa.select(codes.c.skeleton).where(codes.c.skeleton.in_(list(skeletons)))
    return set(connection.execute(statement).scalars())


def _codes(connection: sa.Connection, statement: "sa.Select[Any]") -> list[Code]:
    return [code_of(row) for row in connection.execute(statement).mappings()]


def _behind(which: Filter, after: str | None, limit: int) -> "sa.Select[Any]":
    """A number of codes that fit, in alphabetical order, behind one of them."""
    # A prefix is looked for in any case of letters: then by the index of the canonical form.
    position = codes.c.code if which.prefix is None else CANONICAL
    statement = sa.select(codes).where(*_conditions(which)).order_by(position).limit(limit)
    if after is None:
        return statement
    return statement.where(position > (after if which.prefix is None else canonical(after)))


def _conditions(which: Filter) -> list[sa.ColumnElement[bool]]:
    conditions = [
        column == value
        for column, value in (
            (codes.c.owner_user_id, which.owner_user_id),
            (codes.c.campaign_id, which.campaign_id),
            (codes.c.status, which.status),
        )
        if value is not None
    ]
    if which.prefix is not None:
        # As a range, which the index serves; the character behind all that codes may have ends it.
        prefix = canonical(which.prefix)
        conditions += [CANONICAL >= prefix, CANONICAL < prefix + "\x7f"]  # noqa: SIM300
    if which.expires_before is not None:
        conditions.append(codes.c.expires_at < which.expires_before)
    return conditions


def _cursor(code: str, which: Filter) -> str:
    """The end of a page; opaque to callers, so that its meaning may change."""
    text = msgspec.json.encode([code, _said(which)])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _position(cursor: str, which: Filter) -> str:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        code, filtered = msgspec.json.decode(text, type=tuple[str, list[Any]])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise ActRefused(Why.INVALID, "cursor is not one that a page ended with") from error
    if filtered != _said(which) or not is_code(code):
        raise ActRefused(Why.INVALID, "cursor belongs to a list by another filter; begin anew")
    return code


def _said(which: Filter) -> list[Any]:
    return [
        which.owner_user_id,
        which.campaign_id,
        which.prefix,
        None if which.status is None else str(which.status),
        which.expires_before,
    ]
