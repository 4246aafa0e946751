"""The tables of the page about scenarios, written from the types.

`python -m reftrail.scenarios.reference` prints them; a test holds `README.md` to
them.
"""

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel

from reftrail.campaigns.reference import rows
from reftrail.scenarios.script import (
    NEEDS,
    TAKES,
    Attribution,
    Entry,
    Given,
    GivenCode,
    GivenFormat,
    Happening,
    Order,
    Reached,
    Refusal,
    Then,
    What,
)

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
}
"""The tables of a file of scenarios, in the order of the page."""


def type_rows() -> list[str]:
    """What can happen as rows: its type, the fields that it needs, those it may have besides."""
    return [
        f"| `{what}` | {_names(NEEDS[what])} | {_names(sorted({*TAKES[what]} - {*NEEDS[what]}))} |"
        for what in What
    ]


def page() -> str:
    """All tables below their headings."""
    parts = []
    for heading, table in TABLES.items():
        about = (table.__doc__ or "").strip()
        head = f"### `{heading.replace(', ', '` and `')}`\n"
        columns = "| field | takes | default | |\n|---|---|---|---|"
        parts.append("\n".join([head, about, "", columns, *rows(table)]))
    return "\n\n".join(parts)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print("\n".join(type_rows()))  # noqa: T201
    print("\n" + page())  # noqa: T201
