"""Explanation of a code that has no record."""

import pytest

from reftrail.reports.explain.summary import _not_registered


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ([], "Code SPR1 is not registered."),
        ([{"code_evidence": None, "campaign_id": "own"}], "Code SPR1 is not registered."),
        (
            [{"code_evidence": "derived", "campaign_id": "spring"}],
            "Code SPR1 is a derived one of campaign spring, and not registered.",
        ),
        (
            [{"code_evidence": "forged", "campaign_id": None}],
            "Code SPR1 is forged: written as a campaign's derived codes, and none of them.",
        ),
    ],
)
def test_a_code_without_a_record_is_what_was_found_out_about_it(
    claims: list[dict[str, str | None]], says: str
) -> None:
    assert _not_registered(claims, "SPR1") == says
