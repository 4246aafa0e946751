"""Commissions of other programmes: in JSON, which gives amounts in minor units, or Dub's CSV.

See https://developers.rewardful.com (v1), https://dub.co/docs/api-reference and
https://docs.firstpromoter.com (v2).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import minor_places
from reftrail.contracts.names import LONGEST_NAME, NAME_PATTERN, NAME_SAYS
from reftrail.contracts.record import MICROS_PER_UNIT, Micros
from reftrail.imports.csv_exports import is_csv, rows_as_answers


class Programme(StrEnum):
    """A programme whose commissions can be read."""

    DUB = "dub"
    REWARDFUL = "rewardful"
    FIRSTPROMOTER = "firstpromoter"


class Commission(NamedTuple):
    """What somebody earned: open_micros is still owed, 0 once it is paid or void.

    earner is the programme's id of who earned it, token the name of their link there. customer is
    who bought; without one it is the earner.
    """

    commission_id: str
    earner: str
    email: str | None
    token: str | None
    customer: str
    open_micros: Micros
    currency: str
    state: str


class Fault(NamedTuple):
    """An element of the file that isn't imported: its number from 1, its id, and why."""

    number: int
    commission_id: str
    why: str


class Found(NamedTuple):
    """The content of a file; left_out are commissions that aren't cash, counted by their unit."""

    commissions: list[Commission]
    faults: list[Fault]
    left_out: dict[str, int]


class _Unreadable(ValueError):  # noqa: N818  (says what it is)
    """An element that is no commission; str() says why."""


class _NotCash(Exception):  # noqa: N818
    """A commission in another unit than money; str() is the unit."""


_EXACT: Final = 2**53
"""Up to here a number with a decimal point is the one that was written."""
_MOST: Final[Micros] = 2**62
"""Differences of two such amounts are within the range of a record's amount."""
_LONGEST_ID: Final = 96
_NAME: Final = re.compile(NAME_PATTERN)

_OPEN: Final[Mapping[Programme, frozenset[str]]] = {
    Programme.REWARDFUL: frozenset({"pending", "due"}),
    Programme.DUB: frozenset({"pending", "processed", "hold"}),
    Programme.FIRSTPROMOTER: frozenset({"pending", "approved"}),
}
_SETTLED: Final[Mapping[Programme, frozenset[str]]] = {
    Programme.REWARDFUL: frozenset({"paid", "voided"}),
    Programme.DUB: frozenset({"paid", "refunded", "duplicate", "fraud", "canceled"}),
    Programme.FIRSTPROMOTER: frozenset({"paid", "denied"}),
}


def read_commissions(programme: Programme, path: Path, currency: str | None = None) -> Found:
    """The commissions in a file, what in it isn't one, and what isn't money.

    currency is that of commissions that name none. Raises `ExpectedError` for a file that can't be
    read.
    """
    commissions: dict[str, Commission] = {}
    faults: list[Fault] = []
    left_out: Counter[str] = Counter()
    for number, element in enumerate(_elements(programme, path), 1):
        found = element if isinstance(element, Mapping) else {}
        its_id = str(found.get("id") or "")
        try:
            commission = _READERS[programme](found, currency)
            if commission.commission_id in commissions:
                raise _Unreadable("it is in the file twice")  # noqa: TRY301
        except _NotCash as unit:
            left_out[str(unit)] += 1
        except _Unreadable as error:
            faults.append(Fault(number, its_id, str(error)))
        else:
            commissions[commission.commission_id] = commission
    return Found(list(commissions.values()), faults, dict(left_out))


def _elements(programme: Programme, path: Path) -> Iterator[Any]:
    """The commissions of an array, of `{"data": [...]}`, of one such answer a line, or of a CSV."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ExpectedError(f"{path} can't be read: {error.strerror}") from error
    if not text.strip():
        raise ExpectedError(
            f"{path} is empty; give the answers of the programme's list of commissions, which is "
            f"[] where there are none"
        )
    if is_csv(path, text):
        if programme is not Programme.DUB:
            raise ExpectedError(
                f"{path} is a CSV file, and of {programme} only JSON is read: the columns of its "
                f"exports aren't documented; give the answers of its API's list of commissions"
            )
        yield from rows_as_answers(path, text)
        return
    for answer in _answers(path, text):
        inside = answer.get("data", answer) if isinstance(answer, dict) else answer
        yield from inside if isinstance(inside, list) else [inside]


def _answers(path: Path, text: bytes) -> list[Any]:
    """The answers in a text: one a line, or else one in all. Raises `ExpectedError`."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        return list(msgspec.json.decode(b"[" + b",".join(lines) + b"]", type=list[Any]))
    except RecursionError as error:
        raise _too_deep(path) from error
    except msgspec.DecodeError:
        pass
    try:
        return [msgspec.json.decode(text)]
    except RecursionError as error:
        raise _too_deep(path) from error
    except msgspec.DecodeError as error:
        raise ExpectedError(
            f"{path} is no JSON: {error}; give the answers of the programme's list of commissions"
        ) from error


def _too_deep(path: Path) -> ExpectedError:
    return ExpectedError(
        f"{path} is nested too deep; give the answers of the programme's list of commissions"
    )


def _rewardful(found: Mapping[str, Any], _: str | None) -> Commission:
    affiliate, referral = _at(found, "sale", "affiliate"), _at(found, "sale", "referral")
    state = _text(found, "state") if found.get("state") else _by_times(found)
    earner = _text(affiliate, "id", "sale.affiliate.id")
    return Commission(
        _id(found),
        earner,
        _name(affiliate.get("email")),
        _name(_at(referral, "link").get("token")),
        _customer(_at(referral, "customer").get("id"), referral.get("id"), earner),
        _open(Programme.REWARDFUL, found, state, "amount", _text(found, "currency")),
        _text(found, "currency").upper(),
        state,
    )


def _by_times(found: Mapping[str, Any]) -> str:
    """The state of a commission that doesn't name it: by when it was paid or voided."""
    if found.get("paid_at"):
        return "paid"
    return "voided" if found.get("voided_at") else "due"


def _dub(found: Mapping[str, Any], _: str | None) -> Commission:
    partner, customer = _at(found, "partner"), _at(found, "customer")
    state = _text(found, "status")
    earner = _text(partner, "id", "partner.id")
    return Commission(
        _id(found),
        earner,
        _name(partner.get("email")),
        None,
        _customer(customer.get("externalId"), customer.get("id"), earner),
        _open(Programme.DUB, found, state, "earnings", _text(found, "currency")),
        _text(found, "currency").upper(),
        state,
    )


def _firstpromoter(found: Mapping[str, Any], currency: str | None) -> Commission:
    if (unit := found.get("unit", "cash")) != "cash":
        raise _NotCash("no unit" if unit is None else str(unit))
    if currency is None:
        raise _Unreadable("it names no currency; give the account's with --currency")
    promoter = _at(found, "promoter_campaign", "promoter")
    referral = _at(found, "referral")
    state = "paid" if found.get("is_paid") is True else _text(found, "status")
    earner = _text(promoter, "id", "promoter_campaign.promoter.id")
    return Commission(
        _id(found),
        earner,
        _name(promoter.get("email")),
        None,
        _customer(referral.get("uid"), referral.get("id"), earner),
        _open(Programme.FIRSTPROMOTER, found, state, "amount", currency),
        currency.upper(),
        state,
    )


_READERS: Final[Mapping[Programme, Callable[[Mapping[str, Any], str | None], Commission]]] = {
    Programme.DUB: _dub,
    Programme.REWARDFUL: _rewardful,
    Programme.FIRSTPROMOTER: _firstpromoter,
}


def _open(
    programme: Programme, found: Mapping[str, Any], state: str, name: str, currency: str
) -> Micros:
    """What is owed, of an amount in minor units. Raises `_Unreadable`."""
    minor = found.get(name)
    if isinstance(minor, float) and minor.is_integer() and abs(minor) <= _EXACT:
        minor = int(minor)
    if isinstance(minor, bool) or not isinstance(minor, int):
        raise _Unreadable(f"{name} is {minor!r}, and not a whole number of minor units")
    try:
        places = minor_places(currency.upper())
    except ValueError as error:
        raise _Unreadable(f"{currency!r} is no currency of ISO 4217") from error
    if state in _SETTLED[programme]:
        return 0
    if state not in _OPEN[programme]:
        raise _Unreadable(f"its state {state!r} isn't known: whether it is owed can't be told")
    micros = minor * (MICROS_PER_UNIT // int(10**places))
    if abs(micros) > _MOST:
        raise _Unreadable(f"{name} is {minor}, and out of range")
    return micros


def _id(found: Mapping[str, Any]) -> str:
    """The id of a commission, of which those of adjustments are made, with a colon and a number."""
    its_id = _text(found, "id")
    if ":" in its_id or len(its_id) > _LONGEST_ID or not _NAME.fullmatch(its_id):
        raise _Unreadable(
            f"its id {its_id[:_LONGEST_ID]!r} can't be part of an adjustment's: expected at most "
            f"{_LONGEST_ID} characters, none a colon or a control or zero-width character"
        )
    return its_id


def _customer(*ids: Any) -> str:
    """The first id that there is of a customer."""
    found = next((given for given in ids if given), "")
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise _Unreadable(f"the id of its customer is {found!r}, and no text")
    if len(text := str(found)) > LONGEST_NAME or not _NAME.fullmatch(text):
        raise _Unreadable(f"the id of its customer {text[:LONGEST_NAME]!r} can't be: {NAME_SAYS}")
    return text


def _at(found: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """An object inside of others; empty if it isn't there."""
    for name in names:
        inside = found.get(name)
        found = inside if isinstance(inside, Mapping) else {}
    return found


def _text(found: Mapping[str, Any], name: str, path: str | None = None) -> str:
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise _Unreadable(f"it has no {path or name}")
    return str(value)


def _name(given: Any) -> str | None:
    return given.strip() or None if isinstance(given, str) else None
