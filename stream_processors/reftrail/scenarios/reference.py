"""The tables of the page about scenarios, written from the types.

`python -m reftrail.scenarios.reference` prints them; a test holds `README.md` to
them.
"""

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel

from reftrail.campaigns.reference import rows
from reftrail.scenarios.expectations import (
    Attribution,
    Entry,
    Order,
    Reached,
    Refusal,
    Rejected,
    Then,
)
from reftrail.scenarios.happening import Happening
from reftrail.scenarios.happening_types import CLIENT_EVENTS, NEEDS, TAKES, HappeningType
from reftrail.scenarios.script import Given, GivenCode, GivenFormat

TABLES: Final[dict[str, type[BaseModel]]] = {
    "given": Given,
    "given.formats": GivenFormat,
    "given.codes": GivenCode,
    "when": Happening,
    "then": Then,
    "then.attributions": Attribution,
    "then.ledger, then.rewards": Entry,
    "then.fulfil": Order,
    "then.milestones": Reached,
    "then.refused": Refusal,
    "then.rejected": Rejected,
}
"""The tables of a file of scenarios, in the order of the page."""


def type_rows() -> list[str]:
    """The types as rows: name, the fields that it needs, those that it may have besides."""
    return [f"| `{what}` | {_names(NEEDS[what])} | {_besides(what)} |" for what in HappeningType]


def event_fields() -> str:
    """The fields of every event that a client sends."""
    return _names(sorted(TAKES[HappeningType.CLICK]))


def page() -> str:
    """All tables below their headings."""
    parts = []
    for heading, table in TABLES.items():
        about = (table.__doc__ or "").strip()
        head = f"### `{heading.replace(', ', '` and `')}`\n"
        columns = "| field | takes | default | |\n|---|---|---|---|"
        parts.append("\n".join([head, about, "", columns, *rows(table)]))
    return "\n\n".join(parts)


def _besides(what: HappeningType) -> str:
    if what in CLIENT_EVENTS:
        return "the fields of an event"
    return _names(sorted({*TAKES[what]} - {*NEEDS[what]}))


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print(event_fields() + "\n\n" + "\n".join(type_rows()))  # noqa: T201
    print("\n" + page())  # noqa: T201
