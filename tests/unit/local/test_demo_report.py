"""Report of the demo: in 80 columns, right in green, and the first differences in words."""

from io import StringIO

from rich.console import Console, RenderableType

from reftrail.local.demo_report import funnel_table, verdict
from reftrail.simulator import Comparison


def printed(shown: RenderableType) -> str:
    out = StringIO()
    Console(file=out, width=80, color_system=None).print(shown)
    return out.getvalue()


def test_a_funnel_of_millions_fits_into_80_columns() -> None:
    row = {
        "campaign_id": "home-broadband",
        "views": 60_000_000,
        "clicks": 2_500_000,
        "signups": 500_000,
        "purchases": 400_000,
        "attributed": 500_000,
        "rewards_granted": 300_000,
        "conversion_rate": 0.2,
    }
    nobody = dict.fromkeys(row, 0) | {"campaign_id": None, "conversion_rate": None}
    lines = printed(funnel_table("Funnel by campaign", "campaign_id", [row, nobody])).splitlines()
    for shown in ("60,000,000", "2,500,000", "20.0%"):
        assert shown in lines[3]
    assert lines[4].split() == ["(none)", "0", "0", "0", "0", "0", "0", "-"]


def test_differences_are_told_the_first_ten_of_them() -> None:
    comparison = Comparison(
        events=3,
        attributions=2,
        rewards=1,
        lost=1,
        attributions_right=1,
        adjustments=9,
        adjustments_right=8,
        report_differences=4,
        differences=[f"difference {number}" for number in range(12)],
    )
    found = printed(verdict(comparison))
    assert "1 of 2" in found
    assert "0 of 1" in found
    assert "8 of 9" in found
    assert "4 counts wrong" in found
    assert "12 differences" in found
    assert "difference 9" in found
    assert "difference 10" not in found


def test_what_rewards_are_worth_by_currency_fits_into_80_columns() -> None:
    paid = dict.fromkeys(("EUR", "JPY", "KWD", "USD"), 1_234_567_499_999)
    lines = printed(verdict(Comparison(3, 0, 0, paid=paid))).splitlines()
    shown = "1,234,567 EUR, 1,234,567 JPY, 1,234,567 KWD, 1,234,567 USD"
    assert [line for line in lines if shown in line and len(line) <= 80] != []


def test_nothing_more_to_tell_where_all_is_equal() -> None:
    found = printed(verdict(Comparison(3, 2, 1, attributions_right=2, rewards_right=1)))
    assert "every count as expected" in found
    assert "differences" not in found


def test_what_differs_from_run_to_run_is_said_with_its_sum() -> None:
    paid = dict.fromkeys(("EUR", "JPY", "KWD", "USD"), 1_234_567_499_999)
    found = printed(verdict(Comparison(3, 0, 0, paid=paid, paid_by_tiers=paid)))
    shown = "of it by tiers      1,234,567 EUR, 1,234,567 JPY, 1,234,567 KWD, 1,234,567 USD"
    assert shown in found.splitlines()
    assert "from run to run" in found
    assert "from run to run" not in printed(verdict(Comparison(3, 0, 0, paid=paid)))
