"""Amounts of CSV exports, as their writers write them, in minor units.

Nothing is guessed: what could be two amounts, such as 1.500 with a decimal point, is refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from unicodedata import category

from reftrail.imports.columns import Amounts, Written
from reftrail.imports.commission import Unreadable

_MINOR: Final = re.compile(r"-?\d{1,15}", re.ASCII)
_NUMBER: Final[Mapping[str, re.Pattern[str]]] = {
    point: re.compile(
        rf"(?P<whole>\d{{1,3}}(?P<group>[{other}'\u2019 \u00a0\u202f])\d{{3}}(?:(?P=group)\d{{3}})*"
        rf"|\d{{1,15}})(?:{re.escape(point)}(?P<part>\d{{1,12}}))?",
        re.ASCII,
    )
    for point, other in (".,", ",.")
}
"""Numbers by their decimal separator; anything else separates thousands."""
_SYMBOL: Final = r"[^\d\s.,'\u2019+\u2212-]{0,4}"
_AROUND: Final = re.compile(
    rf"(?P<minus>[-\u2212]?)(?P<before>{_SYMBOL})[ \u00a0\u202f]?(?P<inner>[-\u2212]?)"
    rf"(?P<number>\d(?:.*\d)?)[ \u00a0\u202f]?(?P<after>{_SYMBOL})",
    re.ASCII,
)
_CODE: Final = re.compile(r"[A-Za-z]{3}")
_GROUP_SIZE: Final = 3
_DOLLARS: Final = re.compile(
    "USD|AUD|BBD|BMD|BND|BSD|BZD|CAD|FJD|GYD|HKD|JMD|KYD|LRD|NAD|NZD|SBD|SGD|SRD|TTD|TWD|XCD|ZWL|"
    "ARS|BRL|CLP|COP|CUP|DOP|MOP|MXN|NIO|UYU"
)
_OF_SYMBOL: Final = {"$": _DOLLARS, "€": re.compile("EUR")}
"""The currencies that a symbol may mean, of symbols whose currencies can be listed."""


def minor_units(text: str, amounts: Amounts, currency: str, places: int) -> int:
    """An amount in minor units of a currency with so many places. Raises `Unreadable`."""
    if amounts.written is not Written.DECIMAL and _MINOR.fullmatch(text):
        return int(text)
    if amounts.written is Written.MINOR:
        raise Unreadable(
            f"the amount is {text!r}, and not a whole number of minor units; is amounts.written "
            f'"decimal"?'
        )
    around = _AROUND.fullmatch(text)
    if around is None or (around["minus"] and around["inner"]) or not _names_money(around):
        raise _no_amount(text, amounts)
    _check_symbols(text, currency, around["before"], around["after"])
    symbol = around["before"] or around["after"]
    if amounts.written is Written.BY_SYMBOL and not symbol:
        raise Unreadable(
            f"the amount is {text!r}: whole minor units have no decimals, and an amount with "
            f"decimals has the currency's symbol"
        )
    minor = _decimal(text, around["number"], amounts, places)
    return -minor if around["minus"] or around["inner"] else minor


def doubts(texts: Sequence[str], amounts: Amounts) -> Iterator[str]:
    """What looks wrong in all amounts of a file together: cents that are taken for decimals."""
    if amounts.written is Written.DECIMAL and texts and all(map(_MINOR.fullmatch, texts)):
        yield (
            f"no amount in the file has decimals ({texts[0]}, ...): if they are minor units, set "
            f'amounts.written = "minor"'
        )


def _decimal(text: str, number: str, amounts: Amounts, places: int) -> int:
    point = amounts.decimal_separator
    found = _NUMBER[point].fullmatch(number)
    if found is None:
        raise _no_amount(text, amounts)
    part = found["part"] or ""
    if part[places:].strip("0") or (len(part) == _GROUP_SIZE and places != _GROUP_SIZE):
        raise Unreadable(
            f"the amount is {text!r}: {len(part)} digits after the decimal separator {point!r}, "
            f"where the currency has {places}; if {point!r} separates thousands, give the other "
            f"one as amounts.decimal_separator"
        )
    whole = found["whole"].replace(found["group"] or "\0", "")
    return int(whole + part[:places].ljust(places, "0"))


def _names_money(around: re.Match[str]) -> bool:
    """Whether what is around a number is letters and symbols of currencies, and no bracket."""
    return all(
        character.isalpha() or category(character) == "Sc"
        for character in around["before"] + around["after"]
    )


def _check_symbols(text: str, currency: str, *symbols: str) -> None:
    """Raise `Unreadable` where an amount itself names another currency than its commission's."""
    for symbol in symbols:
        code = symbol.upper() if _CODE.fullmatch(symbol) else None
        others = next((of for mark, of in _OF_SYMBOL.items() if mark in symbol), None)
        if (code and code != currency) or (others and not others.fullmatch(currency)):
            raise Unreadable(f"the amount is {text!r}, and the currency {currency}; which is it?")


def _no_amount(text: str, amounts: Amounts) -> Unreadable:
    return Unreadable(
        f"the amount is {text!r}, and no amount with the decimal separator "
        f"{amounts.decimal_separator!r}"
    )
