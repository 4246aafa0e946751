"""A second person's approval of adjustments by hand, and the sums that need one."""

import pytest
from support.reward_lives import UNIT, balance
from support.supervised import supervised

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.policy import Adjustments, Policy, policy_text
from reftrail.contracts.record import DAY, Millis, Record
from reftrail.contracts.topics import ADJUSTMENTS, CAMPAIGNS, CODES, REWARDS, TICKS
from reftrail.engine.topology import TOPOLOGY
from reftrail.testing import (
    MemoryHost,
    adjusted,
    adjustment,
    adjustment_decided,
    campaign,
    code,
    held,
    moment,
    refused,
    rejected,
    tick,
    to_fulfil,
)


def test_up_to_the_amount_no_approval_is_needed() -> None:
    host = adjusting(adjustment(100, "12:00"), adjustment(-100, "12:01", of="A2"))
    assert statuses(host) == {"A1": "adjusted", "A2": "adjusted"}


def adjusting(*records: Record, window: Millis = 30 * DAY, partitions: int = 3) -> MemoryHost:
    """A host with the adjustments of a supervised programme, whose codes have one owner."""
    settings = Adjustments(approval_above_micros=100 * UNIT, approval_window=window)
    host = MemoryHost(partitions=partitions)
    host.publish(CAMPAIGNS, campaign(policy=policy_text(Policy(adjustments=settings))))
    host.publish(CODES, *(code(name, owner="amy") for name in ("AMY", "BOB")))
    for record in records:
        host.publish(TICKS if isinstance(record, Ticked) else ADJUSTMENTS, record)
        host.run()
    return host


def statuses(host: MemoryHost) -> dict[str, str]:
    """The status of each adjustment, by its id."""
    entries = (entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided))
    return {entry.action.partition(":")[2]: entry.status for entry in entries}


def test_small_credits_of_one_beneficiary_add_up() -> None:
    host = adjusting(
        adjustment(60, "12:00", of="A1"),
        adjustment(40, "13:00", of="A2", code="BOB", user_id="another", actor="bea"),
        adjustment(-40, "13:30", of="D1"),
        adjustment(30, "14:00", of="E1", role="referee"),
        adjustment(0.01, "15:00", of="A3"),
        adjustment(0.01, "15:00", of="A3"),
        adjustment_decided("approve", "16:00", of="A3", actor="ann"),
    )
    assert statuses(host) == {
        "A1": "adjusted",
        "A2": "adjusted",
        "D1": "adjusted",
        "E1": "adjusted",
        "A3": "held",
    }
    *_, waits = host.log(REWARDS)
    assert isinstance(waits, RewardDecided)
    assert waits.reasons == ["needs_approval", "added_up", "goodwill"]
    assert waits.evidence is not None
    assert '"figures":{"above_micros":100000000,"within_days":30}' in waits.evidence
    host.publish(ADJUSTMENTS, adjustment_decided("approve", "17:00", of="A3", actor="bea"))
    host.run()
    assert statuses(host)["A3"] == "adjusted"


def test_what_another_person_approved_does_not_add_up() -> None:
    host = adjusting(
        adjustment(500, "12:00", of="A1"),
        adjustment_decided("approve", "13:00", of="A1"),
        adjustment(100, "14:00", of="A2"),
        adjustment(1, "15:00", of="A3"),
    )
    assert statuses(host) == {"A1": "adjusted", "A2": "adjusted", "A3": "held"}


def test_what_is_older_than_the_window_adds_up_no_longer() -> None:
    late = adjustment(100, "30d 23:59", of="A2")
    assert statuses(adjusting(adjustment(100, "12:00"), late))["A2"] == "held"
    later = adjustment(100, "31d 00:00", of="A2")
    assert statuses(adjusting(adjustment(100, "12:00"), later))["A2"] == "adjusted"
    alone = adjusting(adjustment(100, "12:00"), adjustment(100, "13:00", of="A2"), window=0)
    assert statuses(alone)["A2"] == "adjusted"


def test_the_sums_are_forgotten_by_ticks() -> None:
    (stage,) = (stage for stage in TOPOLOGY if stage.name == "limits")
    for at, is_kept in (("30d 12:00", True), ("31d 12:00", False)):
        host = adjusting(adjustment(100, "12:00"), tick(at), partitions=1)
        assert bool(host.states(stage)) is is_kept


@pytest.mark.parametrize("units", [100.01, -100.01])
def test_above_the_amount_it_is_held_until_another_person_approves(units: float) -> None:
    story = supervised().when(adjustment(units, "12:00"))
    story.then(
        held("referrer", "AMY", "needs_approval", "goodwill", action="adjustment:A1", due_at=None)
    )
    assert balance(story) == 0
    (waits,) = story.followed
    story.when(adjustment_decided("approve", "13:00")).then(
        adjusted(
            "referrer",
            "AMY",
            "approved",
            "goodwill",
            value_micros=round(units * UNIT),
            supersedes=waits.event_id,
            event_time=moment("13:00"),
            action_time=moment("12:00"),
        ),
        *([to_fulfil("referrer", "AMY")] if units > 0 else []),
    )
    story.when(adjustment_decided("approve", "13:00")).then_nothing()
    story.when(adjustment_decided("approve", "14:00")).then(refused("not_allowed"))
    story.when(adjustment_decided("decline", "15:00")).then(refused("not_allowed"))
    story.when(adjustment(units, "16:00")).then_nothing()


def test_another_currency_than_the_amounts_needs_approval() -> None:
    supervised().when(adjustment(1, "12:00", currency="EUR")).then(
        held("referrer", "AMY", "needs_approval", "goodwill", currency="EUR")
    )


def test_who_asked_may_withdraw_but_not_approve() -> None:
    story = supervised().given(adjustment(500, "12:00"))
    story.when(adjustment_decided("approve", "13:00", actor=" Ann ")).then(refused("not_allowed"))
    story.when(adjustment_decided("decline", "14:00", actor="ann")).then(
        rejected("referrer", "AMY", "declined", "goodwill", value_micros=500 * UNIT)
    )
    assert balance(story) == 0
    story.when(adjustment_decided("approve", "15:00")).then(refused("not_allowed"))


@pytest.mark.parametrize(
    "spelt", ["Ann  Smith", "ANN\u00a0SMITH", "annsmith", "\uff41nn smith", " ann smith "]
)
def test_another_spelling_of_a_name_is_no_other_person(spelt: str) -> None:
    story = supervised().given(adjustment(500, "12:00", actor="ann smith"))
    story.when(adjustment_decided("approve", "13:00", actor=spelt)).then(refused("not_allowed"))
    assert balance(story) == 0


def test_a_decision_about_nothing_is_refused() -> None:
    story = supervised().when(adjustment_decided("approve", "13:00"))
    story.then(refused("unknown_adjustment"))
    story.given(adjustment(500, "14:00"))
    story.when(adjustment_decided("perhaps", "15:00")).then(refused("not_allowed"))


def test_an_approval_books_what_was_held_whoever_owns_the_code_by_then() -> None:
    story = supervised().given(adjustment(500, "12:00"), code("AMY", owner="somebody", revision=2))
    story.when(adjustment_decided("approve", "13:00")).then(
        adjusted("referrer", "AMY", "approved", "goodwill", beneficiary="owner"),
        to_fulfil("referrer", "AMY", beneficiary="owner"),
    )
