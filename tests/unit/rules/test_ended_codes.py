"""Touches under codes that had been revoked or had expired: a good one always goes before."""

from itertools import permutations
from typing import Any

import pytest
from support.attributing import signed_up_by_touch

from reftrail.contracts.decisions import Attributed, Basis
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.reference import CodeStatus
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, EVENTS
from reftrail.testing import (
    MemoryHost,
    attributed,
    campaign,
    click,
    code,
    converted,
    given,
    late_touch,
    moment,
    signup,
    touched,
)

REVOKED = code("OLD", status=CodeStatus.REVOKED)


@pytest.mark.parametrize("trigger", ["signup", "first_purchase"])
def test_in_any_order_of_arrival_the_good_touch_decides(trigger: str) -> None:
    events = (click("OLD", at="08:00"), click("AMY", at="09:00"), signup("10:00"))
    for arriving in permutations(events):
        host = MemoryHost()
        host.publish(CAMPAIGNS, campaign(trigger=trigger))
        host.publish(CODES, code("AMY"), REVOKED)
        host.publish(EVENTS, *arriving)
        made = [
            record
            for record in host.run().log(ATTRIBUTIONS)
            if isinstance(record, Attributed) and record.decisive
        ]
        assert made[-1].code == "AMY", [event.event_id for event in arriving]


def test_a_touch_under_a_revoked_code_begins_no_period() -> None:
    (
        given(campaign(), code("AMY"), REVOKED)
        .when(click("OLD", at="08:00"))
        .then_nothing()
        .when(click("AMY", at="09:00"))
        .then(touched("AMY", at="09:00"))
    )


@pytest.mark.parametrize(
    ("changes", "is_good"),
    [
        ({"status": CodeStatus.SUSPENDED}, True),
        ({"status": CodeStatus.EXPIRED}, False),
        ({"expires_at": moment("08:00")}, False),
        ({"expires_at": moment("08:00") + 1}, True),
        ({"status": CodeStatus.REVOKED, "event_time": moment("08:00") + 1}, True),
        ({"status": CodeStatus.REVOKED, "event_time": moment("08:00")}, False),
        ({"past_stops": f"revoked|{moment('07:00')}|{moment('08:30')}"}, False),
        ({"past_stops": f"revoked|{moment('07:00')}|{moment('08:00')}"}, True),
    ],
)
def test_it_is_the_time_of_the_touch_that_counts(changes: dict[str, Any], *, is_good: bool) -> None:
    scenario = given(campaign(), code("OLD", **changes)).when(click("OLD", at="08:00"))
    if is_good:
        scenario.then(touched("OLD", at="08:00"))
    else:
        scenario.then_nothing()


def test_a_code_of_a_retired_format_has_ended_too() -> None:
    (
        given(campaign())
        .when(click("MKT1", at="08:00", code_evidence=CodeEvidence.RETIRED))
        .then_nothing()
        .when(signup("09:00"))
        .then(converted("signup", at="09:00", touch_code="MKT1"))
    )


def test_it_holds_no_longer_than_its_window() -> None:
    (
        given(campaign(), REVOKED, click("OLD", at="08:00"))
        .when(signup("31d 08:00", event_id="after"))
        .then(converted("signup", at="31d 08:00", touch_code=None))
    )


def test_a_late_touch_under_a_revoked_code_corrects_nothing() -> None:
    late = late_touch(
        "OLD", at="08:00", arrived="10:05", signed_up="10:00", touch_campaign_id="spring"
    )
    (
        given(campaign(trigger="first_purchase"), code("AMY"), REVOKED, signed_up_by_touch())
        .when(late)
        .then(attributed("OLD", Basis.LATE_TOUCH, decisive=False))
    )


def test_a_signup_reward_that_no_code_can_earn_leaves_the_decision_open() -> None:
    late = late_touch(
        "AMY", at="09:00", arrived="10:05", signed_up="10:00", touch_campaign_id="spring"
    )
    scenario = given(campaign(), code("AMY"), REVOKED, signed_up_by_touch("OLD", "08:00"))
    followed = scenario.when(late).followed
    assert attributed("AMY", Basis.LATE_TOUCH, decisive=True).describes(followed[0])
