"""Formats of codes: patterns, derived and vanity codes, and the judgement of a text under them.

Nothing here needs a database. `patterns` is the language, `derived` computes codes from a secret,
`vanity` judges codes that people choose, `formats` judges any text, `definitions` makes formats of
their records, `selection` chooses codes by their segments, `secrets` keeps the campaigns' secrets.
"""

from reftrail.codes.formats.formats import (
    CodeVerdict,
    DerivedFormat,
    Forged,
    Formats,
    RegisteredFormat,
    Retired,
    Unchecked,
    UncheckedFormat,
    UnknownFormat,
    Valid,
    WellFormed,
)

__all__ = [
    "CodeVerdict",
    "DerivedFormat",
    "Forged",
    "Formats",
    "RegisteredFormat",
    "Retired",
    "Unchecked",
    "UncheckedFormat",
    "UnknownFormat",
    "Valid",
    "WellFormed",
]
