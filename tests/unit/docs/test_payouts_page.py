"""The page of pay-outs lists the formats, differences and terms that there are."""

import re
from pathlib import Path

from reftrail.payouts import LAYOUTS, PayoutTerms
from reftrail.payouts.provider_report import _COLUMNS
from reftrail.payouts.reconciliation import DifferenceKind

PAGE = (Path(__file__).parents[3] / "sinks" / "reftrail" / "payouts" / "README.md").read_text()


def listed(heading: str) -> list[str]:
    """The first column of a table."""
    table = PAGE.partition(heading)[2].partition("\n\n")[0]
    return [
        name
        for row in table.splitlines()[2:]
        for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    ]


def test_every_format_is_listed() -> None:
    assert listed("| `--format` |") == list(LAYOUTS)


def test_every_difference_is_listed() -> None:
    assert sorted(listed("| difference |")) == sorted(DifferenceKind)


def test_every_term_is_listed() -> None:
    assert listed("| setting |") == list(PayoutTerms.model_fields)


def test_the_columns_of_reports_are_those_that_are_found() -> None:
    table = PAGE.partition("| field | columns |")[2].partition("\n\n")[0]
    named = {name.lower() for name in re.findall(r"`([^`]+)`", table)}
    assert named <= {name for names in _COLUMNS.values() for name in names}
