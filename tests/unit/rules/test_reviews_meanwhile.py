"""Reviews of all rewards while the limits stage is asked whether one may be reinstated."""

from typing import Any, Final

import pytest
from support.reward_lives import UNIT, bought, only_referee

from reftrail.contracts.decisions import Action, RewardDecided
from reftrail.contracts.policy import Caps, Fraud, Policy
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import Trigger
from reftrail.contracts.stage_messages import LimitRequested
from reftrail.rules.decider import Refused
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.testing import Scenario, claimed, limits_answered, reviewed, tick

O1: Final = {
    "reward_id": reward_id("AMY", "u1", "purchase:o1", "referee"),
    "action": "purchase:o1",
}
AGAIN: Final = reviewed("reinstate", "13:00", reason="false_positive", **O1)
TRUSTING: Final = Fraud(grant_up_to=999, reject_from=1000)


class Referral:
    """A referral, and the limits stage, whose answers may be late."""

    def __init__(self, story: Scenario) -> None:
        self.events: list[Any] = []
        self.late: list[Any] = []
        self._story = story

    def take(self, *records: Any, is_late: bool = False) -> None:
        for record in records:
            self._story.when(record)
            followed = list(self._story.followed)
            self.events += followed
            asked = [event for event in followed if isinstance(event, LimitRequested)]
            answers = [limits_answered(of=request.claim_id) for request in asked]
            if is_late:
                self.late += answers
            else:
                self.take(*answers)

    def ends(self) -> dict[str, str]:
        entries = [event for event in self.events if isinstance(event, RewardDecided)]
        return {entry.action: entry.status for entry in entries}


@pytest.mark.parametrize(
    ("decision", "then", "hold_for"),
    [
        ("decline", tick("2d 10:00"), DAY),
        ("reverse", claimed(Action.DISPUTE_OPENED, "AMY", "13:02", order_id="o2"), 0),
    ],
    ids=["a hold's end", "a dispute"],
)
def test_only_the_reward_that_waits_is_decided_on_later(
    decision: str, then: Any, hold_for: int
) -> None:
    def ends(*, is_late: bool) -> dict[str, str]:
        policy = Policy(
            caps=Caps(budget_micros=100 * UNIT), repeats=0, fraud=TRUSTING, hold_for=hold_for
        )
        referral = Referral(only_referee(policy, trigger=Trigger.FIRST_PURCHASE))
        referral.take(bought("o1"), reviewed(decision, "11:30", **O1), bought("o2", at="11:40"))
        referral.take(AGAIN, is_late=is_late)
        assert bool(referral.late) == is_late
        referral.take(reviewed(decision, "13:01"), then, *referral.late)
        assert not [event for event in referral.events if isinstance(event, Refused)]
        return referral.ends()

    assert ends(is_late=True) == ends(is_late=False)
