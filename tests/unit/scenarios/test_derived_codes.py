"""Derived codes in scenarios."""

from pathlib import Path

import pytest
from support.scenario_files import (
    HEAD,
    PURCHASE,
    SIGNUP,
    differences,
    scenario,
    written,
)

from reftrail.campaigns import FaultyFile
from reftrail.scenarios import read_scenarios

FORMATS = 'formats = [{ name = "market", pattern = "MKT{body:8}{check}", count = 5 }]\n'
"""Of codes that prove themselves."""


def by(code: str, then: str, head: str = FORMATS) -> str:
    """The reward of the user who types in a code."""
    typing = SIGNUP.replace("}", f', code = "{code}" }}')
    return head + scenario(f"{typing}, {PURCHASE}", then)


@pytest.mark.parametrize(
    ("code", "then"),
    [
        ("market:5", 'ledger = [{ status = "granted", to = "bob", code = "market:5" }]'),
        ("market:5", 'attributions = [{ who = "bob", code = "market:5" }]'),
        ("market:forged", 'ledger = [{ status = "rejected", reasons = ["forged_code"] }]'),
    ],
)
def test_derived_codes_are_told_by_format_and_number(tmp_path: Path, code: str, then: str) -> None:
    (outcome,) = read_scenarios(written(tmp_path, HEAD + by(code, then))).outcomes()
    assert outcome.differences == ()
    assert (f"bob by {code} (typed_code)",) in dict(outcome.found).values()


def test_a_derived_code_with_an_owner_is_given_besides(tmp_path: Path) -> None:
    head = HEAD.replace("codes = [", 'codes = [{ code = "market:1", owner = "meg" }, ')
    then = 'ledger = [{ status = "granted", to = "meg" }, { status = "granted", to = "bob" }]'
    (outcome,) = read_scenarios(written(tmp_path, head + by("market:1", then))).outcomes()
    assert outcome.differences == ()


def test_a_derived_code_of_a_retired_format_counts_no_longer(tmp_path: Path) -> None:
    head = FORMATS.replace("count = 5", "retired = true")
    then = 'ledger = [{ status = "rejected", code = "market:1" }]'
    (outcome,) = read_scenarios(written(tmp_path, HEAD + by("market:1", then, head))).outcomes()
    assert outcome.differences == ()


def test_another_derived_code_than_expected_is_told_by_its_name(tmp_path: Path) -> None:
    then = 'attributions = [{ who = "bob", code = "market:2" }]'
    (outcome,) = read_scenarios(written(tmp_path, HEAD + by("market:1", then))).outcomes()
    assert differences(outcome) == {"attributions": ("1. code: expected market:2, found market:1",)}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (by("fair:1", "ledger = []"), 9, "there is no format fair; there is market"),
        (by("market:6", "ledger = []"), 9, "campaign friends has codes 1 to 5"),
        (by("market:x", "ledger = []"), 9, "'x' is no number of a code, nor 'forged'"),
        (by("AMY", 'ledger = [{ status = "held", code = "fair:1" }]'), 10, "no format fair"),
        (by("AMY", "ledger = []", FORMATS.replace("{body:8}", "")), 5, "market"),
    ],
)
def test_a_derived_code_that_cannot_be_is_pointed_to(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    with pytest.raises(FaultyFile) as caught:
        read_scenarios(written(tmp_path, HEAD + text)).outcomes()
    (fault,) = caught.value.faults
    assert (says in fault.message, fault.at.line) == (True, line), caught.value
