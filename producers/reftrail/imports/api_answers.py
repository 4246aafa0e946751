"""Commissions as the APIs of other programmes answer them, with amounts in minor units.

See https://developers.rewardful.com (v1), https://dub.co/docs/api-reference and
https://docs.firstpromoter.com (v2).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from reftrail.contracts.record import Micros
from reftrail.imports.commission import (
    Commission,
    NotCash,
    Programme,
    Unreadable,
    first_customer,
    micros_of,
    name_or_none,
    places_of,
    usable_id,
)

_EXACT: Final = 2**53
"""Up to here a number with a decimal point is the one that was written."""

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


def answered(programme: Programme, element: Mapping[str, Any], currency: str | None) -> Commission:
    """The commission in an element of an answer.

    currency is that of commissions that name none. Raises `Unreadable`, or `NotCash` for what is
    owed in another unit than money.
    """
    return _READERS[programme](element, currency)


def _rewardful(found: Mapping[str, Any], _: str | None) -> Commission:
    affiliate, referral = _at(found, "sale", "affiliate"), _at(found, "sale", "referral")
    state = _text(found, "state") if found.get("state") else _by_times(found)
    earner = _text(affiliate, "id", "sale.affiliate.id")
    return Commission(
        usable_id(_text(found, "id")),
        earner,
        name_or_none(affiliate.get("email")),
        name_or_none(_at(referral, "link").get("token")),
        first_customer(_at(referral, "customer").get("id"), referral.get("id"), earner),
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
        usable_id(_text(found, "id")),
        earner,
        name_or_none(partner.get("email")),
        None,
        first_customer(customer.get("externalId"), customer.get("id"), earner),
        _open(Programme.DUB, found, state, "earnings", _text(found, "currency")),
        _text(found, "currency").upper(),
        state,
    )


def _firstpromoter(found: Mapping[str, Any], currency: str | None) -> Commission:
    if (unit := found.get("unit", "cash")) != "cash":
        raise NotCash("no unit" if unit is None else str(unit))
    if currency is None:
        raise Unreadable("it names no currency; give the account's with --currency")
    promoter = _at(found, "promoter_campaign", "promoter")
    referral = _at(found, "referral")
    state = "paid" if found.get("is_paid") is True else _text(found, "status")
    earner = _text(promoter, "id", "promoter_campaign.promoter.id")
    return Commission(
        usable_id(_text(found, "id")),
        earner,
        name_or_none(promoter.get("email")),
        None,
        first_customer(referral.get("uid"), referral.get("id"), earner),
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
    """The part of an amount, in minor units, that is still owed. Raises `Unreadable`."""
    minor = found.get(name)
    if isinstance(minor, float) and minor.is_integer() and abs(minor) <= _EXACT:
        minor = int(minor)
    if isinstance(minor, bool) or not isinstance(minor, int):
        raise Unreadable(f"{name} is {minor!r}, and not a whole number of minor units")
    places = places_of(currency)
    if state in _SETTLED[programme]:
        return 0
    if state not in _OPEN[programme]:
        raise Unreadable(f"its state {state!r} isn't known: whether it is owed can't be told")
    return micros_of(minor, places, name)


def _at(found: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """An object inside of others; empty if it isn't there."""
    for name in names:
        inside = found.get(name)
        found = inside if isinstance(inside, Mapping) else {}
    return found


def _text(found: Mapping[str, Any], name: str, path: str | None = None) -> str:
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise Unreadable(f"it has no {path or name}")
    return str(value)
