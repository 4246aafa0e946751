"""Timing: what happens faster than people act, or at an impossible time."""

from typing import Final

from reftrail.contracts.decisions import Action, Basis
from reftrail.rules.fraud.case import Case, Figures

PUBLISHABLE: Final = "publishable"
"""The kind of API key in pages and apps, where anybody can read and use it."""


def fast_signup(case: Case, limit: int) -> Figures | None:
    """From the click to the signup it took less than the limit.

    Weight 35, limit 10000 ms: hardly anybody fills in a form in ten seconds, but some browsers do,
    at home and in offices too, so that with the owner's address (20) it comes to 55 and is granted;
    with throw-away e-mail or a suspicious code it is rejected. Typed codes have no click; a touch
    reported as later than the signup is none.
    """
    return _sooner(case, limit)


def instant_signup(case: Case, limit: int) -> Figures | None:
    """From the click to the signup it took less than the limit, which is a program's time.

    Weight 25, limit 3000 ms; it adds to the one above, as both apply, and holds: a page must load
    and a button be pressed, however much of the form the browser fills in.
    """
    return _sooner(case, limit)


def fast_purchase(case: Case, limit: int) -> Figures | None:
    """From the signup to the purchase it took less than the limit.

    Weight 12, limit 30000 ms: guests who check out sign up at the till, so it says little alone,
    or after a fast signup; on top of all there is to say of an address it holds and does not
    reject.
    """
    claim = case.claim
    took = claim.event_time - claim.signed_up_at
    if claim.action != Action.PURCHASE or not 0 <= took < limit:
        return None
    return {"took_ms": took, "limit_ms": limit}


def clock_ahead(case: Case, limit: int) -> Figures | None:
    """The event is later than when it was received, by more than the limit.

    Weight 30, limit 300000 ms: clocks go wrong by minutes; Kerberos bears with five as well
    (RFC 4120, section 8.2).
    """
    ahead = case.claim.event_time - case.claim.received_at
    return {"ahead_ms": ahead, "limit_ms": limit} if ahead > limit else None


def clock_behind(case: Case, limit: int) -> Figures | None:
    """The event is earlier than when it was received, by more than the limit.

    Weight 30, limit 7776000000 ms: 90 days, as long as events are kept; imports of a history and
    devices that were offline are usual within that.
    """
    behind = case.claim.received_at - case.claim.event_time
    return {"behind_ms": behind, "limit_ms": limit} if behind > limit else None


def backdated(case: Case, limit: int) -> Figures | None:
    """The touch was reported later than it happened, under a publishable key, by over the limit.

    Weight 30, limit 300000 ms: with such a key anybody can date a click before the one that counts.
    Apps that were offline do it too, so it holds only with another reason.
    """
    received_at = case.touch_received_at
    if case.touch_key_kind != PUBLISHABLE or received_at is None:
        return None
    late = received_at - case.claim.touch_time
    return {"late_ms": late, "limit_ms": limit} if late > limit else None


def _sooner(case: Case, limit: int) -> Figures | None:
    claim = case.claim
    took = claim.signed_up_at - claim.touch_time
    if claim.basis == Basis.TYPED_CODE or not 0 <= took < limit:
        return None
    return {"took_ms": took, "limit_ms": limit}
