"""Figures of evidence that are times are shown as times, wherever evidence is shown."""

from typing import Any

from reftrail.cli.reviews import _lines
from reftrail.reports.explain.explanation import _word

EVIDENCE: list[dict[str, Any]] = [
    {
        "reason": "held_for_days",
        "weight": 0,
        "figures": {"until": 1_751_932_100_000, "users_24h": 3},
    }
]
HELD: dict[str, Any] = {
    "code": "AMY",
    "user_id": "u",
    "role": "referrer",
    "beneficiary": "amy",
    "value_micros": 5_000_000,
    "currency": "EUR",
    "kind": "credit",
    "score": 0,
    "held_at": "2025-07-07T23:48:20.000Z",
    "due_at": None,
    "reasons": ["held_for_days"],
    "reward_id": "r",
    "evidence": EVIDENCE,
}


def test_a_chain_of_decisions_says_them() -> None:
    assert _word(EVIDENCE) == "held_for_days 0 (until=2025-07-07T23:48:20.000Z users_24h=3)"


def test_the_list_of_held_rewards_says_them() -> None:
    assert "     0  held_for_days: until 2025-07-07T23:48:20.000Z, users_24h 3" in [*_lines(HELD)]
