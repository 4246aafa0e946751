"""The tables of the reference page, written from the types.

`python -m reftrail.campaigns.reference` prints them; a test holds `README.md` to them.
"""

from collections.abc import Iterator
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.evidence import limit_text
from reftrail.campaigns.experiment import Arm, ArmReward, Experiment
from reftrail.campaigns.links import Links
from reftrail.campaigns.lint import CHECKS as WARNINGS
from reftrail.campaigns.reward_tables import Band, Later, Reward, Rewards, Tier
from reftrail.campaigns.tables import Adjustments, Caps, Fraud, Milestone
from reftrail.campaigns.units import Takes, quoted
from reftrail.campaigns.validation import takes
from reftrail.rules.fraud.case import Check
from reftrail.rules.fraud.checks import CHECKS

TABLES: Final[dict[str, type[BaseModel]]] = {
    "[campaign]": Campaign,
    "[campaign.reward]": Rewards,
    "[campaign.reward.referrer] and [campaign.reward.referee]": Reward,
    "[[campaign.reward.referrer.tiers]]": Tier,
    "[campaign.reward.referrer.later] and [campaign.reward.referee.later]": Later,
    "[[campaign.reward.referrer.bands]] and [[campaign.reward.referee.bands]]": Band,
    "[campaign.caps]": Caps,
    "[campaign.adjustments]": Adjustments,
    "[campaign.fraud]": Fraud,
    "[[campaign.milestones]]": Milestone,
    "[campaign.links]": Links,
    "[campaign.experiment]": Experiment,
    "[[campaign.experiment.arms]]": Arm,
    "[campaign.experiment.arms.referrer] and [campaign.experiment.arms.referee]": ArmReward,
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
        known = takes(field)
        kind = "table" if known is None else known.kind
        if _is_list(field.annotation):
            kind = f"array of {kind}s"
        elif isinstance(field.default, dict):
            kind = f"{kind} of each reason"
        yield f"| `{name}` | {kind} | {_default(field)} | {field.description} |"


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(
        get_origin(argument) is list for argument in get_args(annotation)
    )


def _limit(check: Check) -> str:
    if not check.unit:
        return ""
    text = limit_text(check.reason, check.limit)
    return f"`{text}`" + ("" if text.startswith('"') else f" {check.unit}")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    known = takes(field)
    if known is None or field.default in (None, [], {}):
        return "" if isinstance(field.default, BaseModel) else _word(known)
    return f"`{known.text(field.default)}`"


def _word(known: Takes | None) -> str:
    """Text for no value."""
    return f"`{quoted(known.says)}`" if known and known.says else "none"


if __name__ == "__main__":
    print(page())  # noqa: T201
    print("\n" + "\n".join([*reason_rows(), "", *lint_rows()]))  # noqa: T201
