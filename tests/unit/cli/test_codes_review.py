"""The review of codes, with what the reports answer."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

from support.codes_commands import Codes, narrow


def test_used_up_is_what_the_reports_say(
    codes: Codes, happened: Callable[[dict[str, Any]], None]
) -> None:
    codes.run("add", "AMY1", "--campaign", "spring", "--max-uses", "2")
    happened({"users_rewarded": 1})
    assert codes.says("verify", "AMY1") == "the code is valid\n"
    happened({"users_rewarded": 2})
    answer = codes.run("verify", "AMY1", "-o", "json", exit_code=1).stdout
    assert json.loads(answer)["answer"] == "used_up"


def test_the_review_prints_what_to_look_at(
    codes: Codes, happened: Callable[[dict[str, Any]], None]
) -> None:
    for name, *terms in (
        ("SOON", "--expires-at", "2026-12-01T00:00:00Z"),
        ("OLD", "--created-at", "2020-01-01T00:00:00Z"),
        ("FULL", "--max-uses", "10", "--created-at", "2020-01-01T00:00:00Z"),
        ("BUSY", "--owner", "bob"),
    ):
        codes.run("add", name, "--campaign", "spring", *terms)
    codes.run("change", "SOON", "--expires-at", "2100-01-01T00:00:00Z")
    codes.run("distribute", "BUSY", "--count", "2")
    used = {"clicks": 50, "attributed": 40, "users_rewarded": 0, "users_rejected": 0}
    guesses = {"format": "spr", "prefix": "SPR", "campaign_id": "spring", "forged": 120,
               "forged_codes": 119, "addresses": 2, "mistyped": 3, "malformed": 4,
               "retired": 0}  # fmt: skip
    happened(
        {
            "activity": [
                {"code": "FULL", **used, "users_rewarded": 9},
                {"code": "BUSY", **used, "users_rewarded": 20, "users_rejected": 30},
            ],
            "guesses": [guesses],
        }
    )
    text = codes.says("review")
    lines = narrow(text)
    assert "Unused: hand them out, or revoke them" in lines
    assert "spring" in text
    assert lines[-1] == "0 expiring, 1 unused, 1 overused, 3 suspicious."
    found = {(row["concern"], row["subject"], row["why"]) for row in codes.rows("review")}
    assert ("overused", "FULL", "uses: 9 of 10") in found
    assert ("suspicious", "BUSY", "20 uses, handed out 2 times: 10.0 for each") in found
    assert ("suspicious", "BUSY", "30 of 50 who claimed were rejected") in found
    assert (
        "suspicious",
        "SPR",
        "120 forged codes of format spr were tried, from 2 addresses",
    ) in found
    only = codes.rows("review", "--only", "unused")
    assert [(finding["subject"], finding["figures"]["distributed"]) for finding in only] == [
        ("OLD", 0)
    ]
    assert codes.says("review", "--prefix", "NONE", "--forged", "1000") == "Nothing to look at.\n"
    table = list(csv.DictReader(StringIO(codes.says("review", "-o", "csv"))))
    assert json.loads(table[0]["figures"])["forged"] == 120


def test_the_review_says_when_the_reports_are_silent(codes: Codes) -> None:
    codes.run("add", "OLD", "--campaign", "spring", "--created-at", "2020-01-01T00:00:00Z",
              "--max-distributes", "1")  # fmt: skip
    codes.run("distribute", "OLD")
    done = codes.run("review")
    assert "0 expiring, 0 unused, 1 overused, 0 suspicious." in done.stdout
    assert "The reports did not answer" in done.stdout
    assert done.stderr.startswith("without figures of use: the reports URL is not known")
