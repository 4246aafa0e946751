"""State that stages forget once nothing depends on it, and records that come later still."""

from typing import Any, Final

import pytest
from support.programme import T0, campaign, click, code, purchase, refund, signup
from support.timers import ticks

from reftrail.contracts.codec import encode
from reftrail.contracts.events import Event
from reftrail.contracts.policy import Caps, Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, Millis
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    CONVERSIONS,
    EVENTS,
    REWARDS,
    TICKS,
    TOUCHES,
)
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.memory import MemoryHost
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES
from reftrail.rules.limit_names import CLOSES_AFTER, FORGOTTEN_AFTER
from reftrail.rules.touch.state import LATE

UNIT: Final = MICROS_PER_UNIT
WINDOW: Final = 30 * DAY
START: Final = T0 // DAY * DAY


def programme(**caps: Any) -> MemoryHost:
    host = MemoryHost()
    rewards: dict[str, Any] = {"referee_reward_micros": 2 * UNIT, "referrer_reward_micros": UNIT}
    policy = policy_text(Policy(caps=Caps(**caps)))
    host.publish(
        CAMPAIGNS, campaign("spring", policy=policy, trigger=Trigger.FIRST_PURCHASE, **rewards)
    )
    host.publish(CODES, *(code(name, "spring", owner_user_id="owner") for name in ("AMY", "BOB")))
    return host


def clicked(visitor: str, name: str, at: Millis, received: Millis | None = None) -> Event:
    receipt = at if received is None else received
    reported = {"event_time": START + at, "received_at": START + receipt}
    return click(visitor, name, campaign_id="spring", **reported)


def signed_up(user: str, at: Millis, received: Millis | None = None) -> Event:
    receipt = at if received is None else received
    reported = {"event_time": START + at, "received_at": START + receipt}
    return signup(user, f"visitor {user}", **reported)


def bought(user: str, at: Millis, received: Millis | None = None) -> Event:
    receipt = at if received is None else received
    reported = {"event_time": START + at, "received_at": START + receipt}
    return purchase(user, order_id=f"order {user} {at}", **reported)


def happen(host: MemoryHost, *events: Event) -> None:
    host.publish(EVENTS, *events)
    host.run()


def time_is(host: MemoryHost, *moments: Millis) -> None:
    for at in moments:
        host.publish(TICKS, *ticks(START + at, 1))
        host.run()


def outcomes(host: MemoryHost, user: str) -> list[str]:
    entries: list[Any] = host.log(REWARDS)
    return [
        " ".join([entry.status, *entry.reasons])
        for entry in entries
        if entry.user_id == user and entry.role == "referee"
    ]


def touch_of(host: MemoryHost, user: str) -> str | None:
    found: list[Any] = host.log(CONVERSIONS)
    (signup_of_user,) = (
        timed for timed in found if timed.user_id == user and timed.kind == "signup"
    )
    code_of_touch: str | None = signup_of_user.touch_code
    return code_of_touch


def test_a_visitor_is_forgotten_after_window_and_allowance() -> None:
    host = programme()
    happen(host, clicked("v", "AMY", 0))
    gone = WINDOW + LATE + DAY + HOUR
    happen(host, clicked("w", "AMY", gone - 2 * HOUR))
    assert host.states(STAGES["touch"]).keys() == {"v", "w"}
    happen(host, clicked("w", "AMY", gone))
    assert host.states(STAGES["touch"]).keys() == {"w"}


def test_a_touch_that_was_imported_late_is_remembered_from_its_receipt_on() -> None:
    host = programme()
    happen(host, clicked("visitor uma", "AMY", 0, 400 * DAY))
    happen(host, clicked("w", "AMY", 420 * DAY))
    happen(host, signed_up("uma", DAY, 420 * DAY))
    assert touch_of(host, "uma") == "AMY"
    happen(host, clicked("w", "AMY", 450 * DAY), clicked("w", "AMY", 490 * DAY))
    assert host.states(STAGES["touch"]).keys() == {"w"}


@pytest.mark.parametrize("is_removed", [True, False])
def test_whether_the_state_is_removed_makes_no_difference(*, is_removed: bool) -> None:
    """The allowance is by the times in the records, whenever the host gets to removing."""
    host = programme()
    happen(host, clicked("visitor uma", "AMY", 0), clicked("visitor wes", "AMY", 0))
    if is_removed:
        happen(host, clicked("w", "AMY", 100 * DAY))
        assert host.states(STAGES["touch"]).keys() == {"w"}
    last = WINDOW + LATE
    happen(host, signed_up("wes", DAY, last + 1))
    assert touch_of(host, "wes") is None
    if not is_removed:
        happen(host, signed_up("uma", DAY, last))
        assert touch_of(host, "uma") == "AMY"


def test_a_touch_from_a_period_that_is_forgotten_is_one_of_its_own() -> None:
    """Only a secret key can date it so far back: this is an import, and is taken as one."""
    host = programme()
    happen(host, clicked("v", "AMY", 0))
    happen(host, clicked("v", "BOB", DAY, WINDOW + LATE))
    assert [record.code for record in host.log(TOUCHES)] == ["AMY"]  # type: ignore[attr-defined]
    happen(host, clicked("v", "BOB", DAY, WINDOW + LATE + 1))
    assert [record.code for record in host.log(TOUCHES)] == ["AMY", "BOB"]  # type: ignore[attr-defined]


def test_a_worker_writes_a_tombstone_for_a_visitor_who_is_forgotten() -> None:
    work, store = StageOfPartition(STAGES["touch"], 0, 1), StateStore(STAGES["touch"])
    tables = ReferenceTables()
    changes = []
    for n, (visitor, at) in enumerate([("v", 0), ("w", 99 * DAY)]):
        event = clicked(visitor, "AMY", at)
        key, value = EVENTS.key_of(event).encode(), encode(event)
        chunk = Chunk(n, n + 1, [n], [event.received_at], [key], [value])
        outcome = work.decide(chunk, store, tables)
        store.apply(outcome.changes, outcome.due_times)
        changes.append({key: value is not None for key, value in outcome.changes.items()})
    assert changes == [{"v": True}, {"v": False, "w": True}]
    assert store.packed.keys() == {"w"}


def comes(host: MemoryHost, user: str, at: Millis, name: str = "AMY") -> None:
    happen(host, clicked(f"visitor {user}", name, at), signed_up(user, at + HOUR))
    happen(host, bought(user, at + 2 * HOUR))


@pytest.mark.parametrize("cap", ["per_referrer_per_day", "per_code_per_day"])
def test_the_limit_of_a_day_is_forgotten_after_nobody_may_ask_for_it(cap: str) -> None:
    host = programme(**{cap: 1})
    stage, mark = ("limits", "_per_day:") if cap == "per_referrer_per_day" else ("reward", "::d:")
    comes(host, "uma", 0)
    comes(host, "wes", 3 * HOUR)
    (uma,), (wes,) = outcomes(host, "uma"), outcomes(host, "wes")
    assert (uma, wes) == ("granted", f"rejected cap_{cap}")
    assert any(mark in key for key in host.states(STAGES[stage]))
    time_is(host, DAY + FORGOTTEN_AFTER - 1)
    assert any(mark in key for key in host.states(STAGES[stage]))
    time_is(host, DAY + FORGOTTEN_AFTER)
    assert not any(mark in key for key in host.states(STAGES[stage]))


@pytest.mark.parametrize("forgotten", [True, False])
@pytest.mark.parametrize("cap", ["per_referrer_per_day", "per_code_per_day"])
def test_a_claim_for_a_day_that_has_closed_is_rejected(cap: str, *, forgotten: bool) -> None:
    """Else it would get a place that somebody has had, or has not: that is forgotten."""
    host = programme(**{cap: 9})
    comes(host, "uma", 0)
    happen(host, clicked("visitor wes", "AMY", 0), signed_up("wes", HOUR))
    happen(host, clicked("visitor zoe", "AMY", 0), signed_up("zoe", HOUR))
    closes = DAY + CLOSES_AFTER
    happen(host, bought("zoe", 2 * HOUR, closes - 1))
    assert [outcome.split()[0] for outcome in outcomes(host, "zoe")] == ["granted"]
    if forgotten:
        time_is(host, DAY + FORGOTTEN_AFTER)
    happen(host, bought("wes", 2 * HOUR, closes))
    (wes,) = outcomes(host, "wes")
    assert wes.startswith(f"rejected cap_{cap}")


@pytest.mark.parametrize("cap", ["per_referrer_per_day", "per_code_per_day"])
def test_a_reversal_after_the_day_is_forgotten_takes_nothing_from_it(cap: str) -> None:
    host = programme(**{cap: 1})
    comes(host, "uma", 0)
    time_is(host, DAY + FORGOTTEN_AFTER)
    late = {"event_time": START + 300 * DAY, "received_at": START + 300 * DAY}
    happen(host, refund("uma", order_id=f"order uma {2 * HOUR}", **late))
    assert outcomes(host, "uma") == ["granted", "reversed refunded"]
    stage, mark = ("limits", "_per_day:") if cap == "per_referrer_per_day" else ("reward", "::d:")
    assert not any(mark in key for key in host.states(STAGES[stage]))


@pytest.mark.parametrize(("later", "decisive"), [(0, True), (1, False)])
def test_the_longest_grace_that_a_campaign_may_have_is_given_in_full(
    later: Millis, decisive: bool
) -> None:
    host = programme()
    host.publish(CAMPAIGNS, campaign("spring", version=2, late_touch_grace_ms=LATE))
    happen(host, signed_up("uma", DAY))
    happen(host, clicked("visitor uma", "AMY", 0, received=DAY + LATE + later))
    assert len(host.log(ATTRIBUTIONS)) == decisive
