"""Codes that follow from a campaign's secret, in scenarios: named by format and number.

What they look like depends on a secret, so nobody could write them down. "market:3" is the third of
the format `market`, "market:forged" one that is written as they are and isn't one of them.
"""

from collections.abc import Iterable
from typing import Final

from reftrail.codes.formats import DerivedFormat
from reftrail.codes.formats.definitions import formats_of
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.contracts.reference import CodeFormatDefined

SECRET: Final = MasterSecret("scenario", bytes(32))
_FORGER: Final = MasterSecret("forger", bytes(31) + b"\1")
_FORGED: Final = "forged"


class DerivedNames:
    """The names of derived codes, and how they are spelt. Other texts are kept as they are."""

    def __init__(self) -> None:
        self._formats: dict[str, DerivedCodes] = {}
        self._names: dict[str, str] = {}

    def take(self, defined: CodeFormatDefined, others: Iterable[CodeFormatDefined]) -> None:
        """A format is there, beside others. Raises ValueError if it can't be."""
        formats = formats_of([*others, defined], SECRET).formats
        (made,) = (format_ for format_ in formats if format_.name == defined.name)
        assert isinstance(made, DerivedFormat)
        self._formats[defined.name] = made.codes

    def spelt(self, name: str) -> str:
        """The code that a name is for. Raises ValueError if there is none such."""
        if ":" not in name:
            return name
        of, _, which = name.partition(":")
        codes = self._formats.get(of)
        if codes is None:
            there = ", ".join(self._formats) or "none"
            raise ValueError(f"there is no format {of}; there is {there}")
        code = self._made(codes, which)
        self._names[code] = name
        return code

    def named(self, code: str) -> str:
        """A code by its name in the file, if it has one."""
        return self._names.get(code, code)

    def _made(self, codes: DerivedCodes, which: str) -> str:
        if which == _FORGED:
            return _forged(codes.campaign_id, codes.pattern)
        if not which.isascii() or not which.isdecimal():
            raise ValueError(f"{which!r} is no number of a code, nor {_FORGED!r}")
        return codes.code(int(which))


def _forged(campaign_id: str, pattern: Pattern) -> str:
    """A code of the same pattern, made by somebody who hasn't the secret."""
    return DerivedCodes(campaign_id, _FORGER.of_campaign(campaign_id), pattern, 1, 1.0).code(1)
