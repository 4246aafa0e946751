"""Earnings of a user from entries of rewards that were held or rejected several times."""

from typing import Any

import msgspec

from reftrail.reports.user_view.earnings import each_once, earnings
from reftrail.reports.user_view.rows import EntryRow

HELD = EntryRow(
    event_id="e1",
    ms=0,
    position=0,
    precedence=0,
    reward_id="r",
    status="held",
    value_micros=5,
    currency="USD",
    kind="credit",
    role="referrer",
    action="signup",
    code="AMY",
    user_id="uma",
    campaign_id=None,
    order_id=None,
    item=None,
    reasons=(),
    supersedes=None,
    due_ms=None,
    effect_micros=0,
    clawback_micros=0,
)


def after(entry: EntryRow, status: str, *reasons: str, **given: Any) -> EntryRow:
    """The entry that follows another one of its reward."""
    number = entry.position + 1
    now = {"event_id": f"e{number + 1}", "position": number, "supersedes": entry.event_id}
    return msgspec.structs.replace(entry, **now | given, status=status, reasons=reasons)


def counted(*entries: EntryRow) -> tuple[int, int, int, int]:
    """The pending value and count of a user's sums, and the code's held and rejected rewards."""
    found = earnings(each_once(entries))
    total, code = found.sums["USD", "credit"], found.codes["AMY"]
    return total.pending, total.held, code.held, code.rejected


def test_an_approved_suspicion_in_its_holding_period_counts_once() -> None:
    assert counted(HELD, after(HELD, "held", "approved")) == (5, 1, 1, 0)


def test_a_reward_that_a_dispute_holds_again_is_pending() -> None:
    granted = after(HELD, "granted", effect_micros=5)
    at = {"position": 2, "supersedes": granted.event_id}
    taken = after(granted, "reversed", "disputed", effect_micros=-5, **at)
    again = after(granted, "held", "disputed", event_id="e4", **at)
    assert counted(HELD, granted, taken, again) == (5, 1, 1, 0)
    restored = after(again, "granted", "dispute_ended", event_id="e5", position=3, effect_micros=5)
    assert counted(HELD, granted, taken, again, restored) == (0, 0, 0, 0)


def test_a_reward_that_is_rejected_again_counts_once() -> None:
    refused = after(HELD, "rejected")
    again = after(refused, "held", "reinstated")
    declined = after(again, "rejected", "declined")
    assert counted(HELD, refused, again, declined) == (0, 0, 0, 1)
    assert counted(HELD, refused, again) == (5, 1, 1, 0)
