"""Formats made of the definitions on the topic `code-formats`."""

from collections.abc import Iterable
from typing import Final, assert_never

from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.formats import (
    DerivedFormat,
    Format,
    Formats,
    RegisteredFormat,
    UncheckedFormat,
)
from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.formats.selection import Selection
from reftrail.contracts.reference import CodeFormatDefined, FormatKind, FormatStatus

_ALL: Final = Selection(())
_ANY_ODDS: Final = 1.0
"""The odds were agreed to when the format was defined; here codes are only judged."""


def latest(definitions: Iterable[CodeFormatDefined]) -> dict[str, CodeFormatDefined]:
    """The definition of each name that counts: of the highest revision, the last of those."""
    found: dict[str, CodeFormatDefined] = {}
    for defined in definitions:
        known = found.get(defined.name)
        if known is None or known.revision <= defined.revision:
            found[defined.name] = defined
    return found


def formats_of(definitions: Iterable[CodeFormatDefined], secret: MasterSecret | None) -> Formats:
    """The formats that definitions, in the order of their log, add up to.

    Derived codes made under another master secret than this one are `Unchecked`, whatever they
    are. A derived format without codes yet has none to know, and is left out. Raises ValueError,
    which names the format, for a definition that can't be, or two that can't be distinguished.
    """
    formats = (_format(defined, secret) for defined in latest(definitions).values())
    return Formats(tuple(format_ for format_ in formats if format_ is not None))


def _format(defined: CodeFormatDefined, secret: MasterSecret | None) -> Format | None:
    try:
        match FormatKind(defined.kind):
            case FormatKind.REGISTERED:
                retired = (_ALL,) if _is_retired(defined) else ()
                return RegisteredFormat(defined.name, Pattern.of(defined.pattern), retired)
            case FormatKind.DERIVED:
                return _derived(defined, secret)
            case kind:
                assert_never(kind)
    except ValueError as error:
        raise ValueError(f"format {defined.name}: {error}") from error


def _derived(defined: CodeFormatDefined, secret: MasterSecret | None) -> Format | None:
    if defined.campaign_id is None:
        raise ValueError("derived codes are those of a campaign, and none is named")
    pattern = Pattern.of(defined.pattern)
    if secret is None or secret.key_id != defined.key_id:
        return UncheckedFormat(defined.name, pattern)
    if defined.count == 0:
        return None
    made = secret.of_campaign(defined.campaign_id)
    codes = DerivedCodes(defined.campaign_id, made, pattern, defined.count, _ANY_ODDS)
    return DerivedFormat(defined.name, codes, _is_retired(defined))


def _is_retired(defined: CodeFormatDefined) -> bool:
    return FormatStatus(defined.status) is FormatStatus.RETIRED
