"""Faults of scenario files, and the places that are named."""

from pathlib import Path

import pytest
from support.scenario_files import (
    BAD_CODE,
    CLICK,
    HEAD,
    PURCHASE,
    SIGNUP,
    STORY,
    scenario,
    written,
)

from reftrail.campaigns import FaultyFile
from reftrail.scenarios import read_scenarios


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (scenario('{ at = "day 1", type = "click" }', "ledger = []"), 8, "a click needs visitor"),
        (
            scenario(CLICK.replace("click", "clik"), "ledger = []"),
            8,
            'expected one of "view", "click"',
        ),
        (
            scenario(CLICK.replace("day 1 10:00", "tomorrow"), "ledger = []"),
            8,
            'at is "tomorrow"; expected a time such as "day 3 10:00"',
        ),
        (
            scenario(CLICK.replace("code =", "decision ="), "ledger = []"),
            8,
            'decision is "AMY"; expected one of "approve"',
        ),
        (
            scenario(SIGNUP.replace("}", ", outcome = 'failed' }"), "ledger = []"),
            8,
            "a signup has no outcome; it has amount, amount_refunded, arrives, at, campaign_id",
        ),
        (
            scenario(SIGNUP, "ledger = []", given=f"given.events = [{BAD_CODE}]"),
            7,
            "code is 'A/B'; expected 1 to 64 of A-Z",
        ),
        (
            scenario(CLICK.replace("}", ', key = "public" }'), "ledger = []"),
            8,
            'key is "public"; expected one of "secret", "publishable"',
        ),
        (
            scenario(PURCHASE.replace('"30.00"', "30.0"), "ledger = []"),
            8,
            'amount is 30.0; expected an amount in quotes, as the client sends it, such as "19.99"',
        ),
        (scenario(STORY, ""), 9, "nothing is expected; give one of attributions"),
        (scenario(STORY, 'ledger = [{ to = "amy" }]'), 10, "status is missing"),
        (scenario(STORY, 'ledgr = [{ to = "amy" }]'), 10, "did you mean ledger?"),
        (
            scenario(f"{SIGNUP}, {CLICK}", "ledger = []"),
            8,
            "something before it came later",
        ),
        (
            scenario('{ at = "day 1", type = "code", code = "X" }', "ledger = []"),
            8,
            "there is no code X",
        ),
        (
            scenario(
                '{ at = "day 1", type = "review", who = "bob", code = "AMY", role = "referrer", '
                'decision = "approve" }',
                "ledger = []",
            ),
            8,
            "bob has no referrer's reward under AMY then",
        ),
        (
            scenario(
                '{ at = "day 1", type = "block", subject = "ip", value = "nobody" }', "ledger = []"
            ),
            8,
            "'nobody' is not an IPv4 or IPv6 address",
        ),
        (
            scenario(
                '{ at = "day 1", type = "adjustment", who = "bob", code = "AMY", amount = "0", '
                'reason = "error" }',
                "ledger = []",
            ),
            8,
            "amount is wrong; expected a decimal in a string",
        ),
        (scenario(STORY, "ledger = []") * 2, 12, 'there is a scenario "one" before'),
        ("", 1, "scenario is missing"),
    ],
)
def test_what_cannot_be_is_pointed_to(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(FaultyFile) as caught:
        read_scenarios(written(tmp_path, HEAD + text)).outcomes()
    assert [says in fault.message for fault in caught.value.faults] == [True], caught.value
    assert caught.value.faults[0].at.line == line


def test_a_campaign_that_is_not_there(tmp_path: Path) -> None:
    text = HEAD.replace("friends.toml", "foes.toml") + scenario(STORY, "ledger = []")
    with pytest.raises(FaultyFile, match=r"scenarios.toml:3:13: cannot read .*foes.toml"):
        read_scenarios(written(tmp_path, text))
