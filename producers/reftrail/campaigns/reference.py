"""The tables of the reference page, written from the types.

`python -m reftrail.campaigns.reference` prints them; a test holds `README.md` to them.
"""

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reftrail.campaigns.definition import Campaign, Caps, Fraud, Milestone, Reward, Rewards
from reftrail.campaigns.evidence import limit_text
from reftrail.campaigns.lint import CHECKS as WARNINGS
from reftrail.campaigns.validation import model_in, takes
from reftrail.rules.evidence import CHECKS, Check

TABLES: Final[dict[str, type[BaseModel]]] = {
    "[campaign]": Campaign,
    "[campaign.reward]": Rewards,
    "[campaign.reward.referrer] and [campaign.reward.referee]": Reward,
    "[campaign.caps]": Caps,
    "[campaign.fraud]": Fraud,
    "[[campaign.milestones]]": Milestone,
}
"""The tables of a campaign file, in the order of the page."""


def rows(table: type[BaseModel]) -> list[str]:
    """A table's settings as rows: name, what it takes, default, meaning."""
    return list(_rows(table))


def lint_rows() -> list[str]:
    """The warnings as rows: name, meaning."""
    return [
        f"| `{check.__name__.replace('_', '-')}` | {(check.__doc__ or '').strip()} |"
        for check in WARNINGS
    ]


def reason_rows() -> list[str]:
    """The reasons as rows: name, points, limit, meaning."""
    return [
        f"| `{check.reason}` | {check.weight}{', decisive' if check.decisive else ''} "
        f"| {_limit(check)} | {(check.find.__doc__ or '').strip().splitlines()[0]} |"
        for check in CHECKS
    ]


def page() -> str:
    """All tables below their headings."""
    parts = []
    for heading, table in TABLES.items():
        head = f"### `{heading.replace(' and ', '` and `')}`\n"
        about = (table.__doc__ or "").strip()
        columns = "| setting | takes | default | |\n|---|---|---|---|"
        parts.append("\n".join([head, about, "", columns, *rows(table)]))
    return "\n\n".join(parts)


def _rows(table: type[BaseModel]) -> Iterator[str]:
    for name, field in table.model_fields.items():
        is_table = model_in(field.annotation) is not None
        known = takes(field)
        kind = "table" if is_table or known is None else known.kind
        if isinstance(field.default, list) and not is_table:
            kind = f"array of {kind}s"
        elif isinstance(field.default, dict):
            kind = f"{kind} of each reason"
        default = "" if is_table else _default(field)
        yield f"| `{name}` | {kind} | {default} | {field.description} |"


def _limit(check: Check) -> str:
    if not check.unit:
        return ""
    text = limit_text(check.reason, check.limit)
    return f"`{text}`" + ("" if text.startswith('"') else f" {check.unit}")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    known = takes(field)
    if known is None or field.default in ([], {}):
        return "none"
    text = known.text(field.default)
    return "none" if text == "-" else f"`{text}`"


if __name__ == "__main__":
    print(page())  # noqa: T201
    print("\n" + "\n".join([*reason_rows(), "", *lint_rows()]))  # noqa: T201
