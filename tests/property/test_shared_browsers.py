"""Browsers: owners are found in them by what has come before, and one user alone costs nothing."""

from random import Random
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.events import Event, Identified, Purchase, Signup
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT, MINUTE
from reftrail.contracts.reference import Trigger
from reftrail.contracts.stage_messages import CheckRequested, UserSeen
from reftrail.contracts.topics import CAMPAIGNS, CHECKS, CODES, EVENTS, REWARDS
from reftrail.rules.velocity import visitor_signal
from reftrail.testing import MemoryHost, campaign, code
from reftrail.testing.times import FIRST_DAY

USERS: Final = ("amy", "u1", "u2", "u3")
BROWSERS: Final = ("b1", "b2")
REASON: Final = "same_browser_as_owner"


def happened(rng: Random) -> list[Event]:
    """Signups under the owner's code, identifications and purchases in two browsers."""
    events: list[Event] = []
    typed: dict[str, Any] = {"code_known": True, "campaign_id": "spring", "code": "AMY"}
    paid: dict[str, Any] = {"amount_micros": 100 * MICROS_PER_UNIT, "currency": "USD"}
    signed_up: set[str] = set()
    for nth in range(rng.randrange(1, 12)):
        user = rng.choice(USERS)
        at = FIRST_DAY + nth * MINUTE
        common: dict[str, Any] = {
            "event_id": f"e{nth}",
            "event_time": at,
            "received_at": at,
            "user_id": user,
            "visitor_id": rng.choice(BROWSERS),
        }
        match rng.randrange(3):
            case 0 if user not in signed_up:
                signed_up.add(user)
                events.append(Signup(**common, **(typed if user != "amy" else {})))
            case 1:
                events.append(Identified(**common))
            case _:
                events.append(Purchase(**common, **paid, order_id=f"o{nth}"))
    return events


def played(rng: Random, events: list[Event], trigger: str) -> MemoryHost:
    """One event after the other, each with all that follows from it."""
    host = MemoryHost(partitions=3, batch=3, shuffle=rng)
    policy = Policy(repeats=0, fraud=Fraud(grant_up_to=999, reject_from=1_000))
    host.publish(CAMPAIGNS, campaign(trigger=trigger, policy=policy_text(policy)))
    host.publish(CODES, code("AMY", owner_user_id="amy"))
    for event in events:
        host.publish(EVENTS, event)
        host.run()
    return host


def bounds(events: list[Event], trigger: str) -> dict[str, tuple[bool, bool]]:
    """By the event that earns, after the signup, whether the owner must be found, and may be.

    Who signed up in a browser in which the owner is named by then is found, whatever else the user
    has been in; who buys in a browser in which the owner has bought something with that purchase.
    Nobody is found who was never there.
    """
    found: dict[str, tuple[bool, bool]] = {}
    signed_up: dict[str, str] = {}
    for nth, event in enumerate(events):
        user, browser = event.user_id or "", event.visitor_id or ""
        before = [known for known in events[:nth] if known.user_id == "amy"]
        named = {known.visitor_id for known in before if not isinstance(known, Purchase)}
        bought = {known.visitor_id for known in before if isinstance(known, Purchase)}
        own = {known.visitor_id for known in events[: nth + 1] if known.user_id == user}
        may = not own.isdisjoint(named | bought)
        if isinstance(event, Signup) and user != "amy":
            signed_up[user] = browser
            if trigger == Trigger.SIGNUP:
                found[event.event_id] = browser in named, may
        elif isinstance(event, Purchase) and user in signed_up and trigger != Trigger.SIGNUP:
            found[event.event_id] = signed_up[user] in named or browser in bought, may
    return found


@given(
    seed=st.integers(0, 2**32),
    trigger=st.sampled_from((Trigger.SIGNUP, Trigger.FIRST_PURCHASE)),
)
def test_the_owner_is_found_by_what_came_before(seed: int, trigger: Trigger) -> None:
    rng = Random(seed)
    events = happened(rng)
    host = played(rng, events, trigger)
    granted = {
        entry.action_event_id: REASON in (entry.evidence or "")
        for entry in host.log(REWARDS)
        if isinstance(entry, RewardDecided)
    }
    for event_id, (must, may) in bounds(events, trigger).items():
        assert must <= granted[event_id] <= may, event_id


@given(seed=st.integers(0, 2**32))
def test_a_browser_of_one_user_is_never_asked_about(seed: int) -> None:
    rng = Random(seed)
    events = [
        event for event in happened(rng) if (event.visitor_id == "b1") == (event.user_id == "u1")
    ]
    events = [event for event in events if event.user_id in ("u1", "u2")]
    events = [event for event in events if not isinstance(event, Purchase)]
    checks = played(rng, events, Trigger.SIGNUP).log(CHECKS)
    signals = {check.signal for check in checks if isinstance(check, CheckRequested | UserSeen)}
    assert signals.isdisjoint(map(visitor_signal, BROWSERS))
