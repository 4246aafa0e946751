"""Validation of requests to the service, once for all callers; messages name the field."""

import re
from collections.abc import Mapping
from typing import Any, Final

from reftrail.codes.model import ActRefused, Filter, Terms, Why
from reftrail.contracts.code_spelling import LONGEST_CODE, is_code, spelled
from reftrail.contracts.names import LINE_PATTERN, LONGEST_NAME, NAME_PATTERN, NAME_SAYS

_LONGEST_TEXT: Final = LONGEST_NAME
_LONGEST_NOTES: Final = 2_000
_NAME: Final = re.compile(NAME_PATTERN.replace("$", r"\Z"))
_LINE: Final = re.compile(LINE_PATTERN.replace("$", r"\Z"))
_LINE_SAYS: Final = f"1 to {_LONGEST_NOTES} characters, none of them a control character"
_LIMIT: Final = range(1, 2**31)
_LIMITS: Final = ("max_uses", "max_distributes")
_LISTS: Final = ("channels", "regions")
_MAPS: Final = ("channel_limits",)
_TEXTS: Final = (
    "campaign_id",
    "owner_user_id",
    "category",
    "channel",
    "record_kind",
    "record_id",
)


def check_code(code: str) -> None:
    """Raises `ActRefused`, INVALID, for what the collector wouldn't take as a code."""
    if not is_code(spelled(code)):
        raise ActRefused(
            Why.INVALID,
            f"code is {code[:80]!r}; give 1 to {LONGEST_CODE} characters of A-Z, a-z, 0-9, _ and -",
        )


def check_terms(terms: Terms) -> None:
    """Raises `ActRefused`, INVALID, for terms that can't be."""
    if (terms.record_kind is None) != (terms.record_id is None):
        raise ActRefused(
            Why.INVALID, "a record has a kind and an id; give record_kind and record_id"
        )
    check_fields(
        {name: getattr(terms, name) for name in (*_TEXTS, "notes", *_LIMITS, *_LISTS, *_MAPS)}
    )


def check_fields(fields: Mapping[str, Any]) -> None:
    """Raises `ActRefused`, INVALID, that names the first field with a value that can't be."""
    for name, value in fields.items():
        if value is None:
            continue
        if name in _TEXTS or name == "notes":
            check_text(name, value, _LONGEST_NOTES if name == "notes" else _LONGEST_TEXT)
        elif name in _LIMITS and value not in _LIMIT:
            raise ActRefused(Why.INVALID, f"{name} is {value}; give 1 to {_LIMIT[-1]}")
        elif name in _LISTS:
            for text in value:
                check_text(name, text, _LONGEST_TEXT)
        elif name in _MAPS:
            for channel, limit in value.items():
                check_text(name, channel, _LONGEST_TEXT)
                if limit not in _LIMIT:
                    raise ActRefused(Why.INVALID, f"{name} of {channel} is {limit}; give 1 or more")


def check_filter(which: Filter) -> None:
    """Raises `ActRefused`, INVALID, for a filter under which there can be no codes."""
    for name in ("owner_user_id", "campaign_id", "prefix"):
        value = getattr(which, name)
        if value is not None:
            check_text(name, value)
    if which.prefix is not None:
        check_code(which.prefix)


def check_text(name: str, value: str, longest: int = _LONGEST_TEXT) -> None:
    """Raises `ActRefused`, INVALID, for a text that is empty, too long, or not printable."""
    pattern, says = (_LINE, _LINE_SAYS) if name == "notes" else (_NAME, NAME_SAYS)
    if len(value) > longest or pattern.match(value) is None:
        raise ActRefused(Why.INVALID, f"{name} is {value[:80]!r}; give {says}")
