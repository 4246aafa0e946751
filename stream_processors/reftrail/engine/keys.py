"""Keys that a tick wakes, and the records with which it does."""

from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Record
from reftrail.rules.attribution import waiting
from reftrail.rules.decider import Cause, Woken, because
from reftrail.rules.reward import keys


def woken_action(key: str, tick: Ticked, cause: Cause) -> Woken:
    """The record for a reward, or a code's day, whose time has come, by its cell's key."""
    code, user_id, action = keys.parts_of_timed_key(key)
    common = because(tick, cause, f"woken:{key}")
    return Woken(**common, code=code, user_id=user_id, action=action)


def woken_visitor(key: str, record: Record, cause: Cause) -> Woken:
    """The record for a visitor who is to be forgotten, by the event that tells the time."""
    return Woken(**because(record, cause, f"woken:{key}"), visitor_id=key)


def woken_deed(key: str, tick: Ticked, cause: Cause) -> Woken:
    """The record for a purchase or refund that has waited long enough, by its cell's key."""
    user_id, rest = waiting.parts_of_timed_key(key)
    return Woken(**because(tick, cause, f"woken:{key}"), user_id=user_id, action=rest)


def woken_limit(key: str, tick: Ticked, cause: Cause) -> Woken:
    """The record for a limit of a day that is to be forgotten."""
    return Woken(**because(tick, cause, f"woken:{key}"), action=key)


def woken_signal(key: str, tick: Ticked, cause: Cause) -> Woken:
    """The record for a signal whose claims are to be forgotten."""
    return Woken(**because(tick, cause, f"woken:{key}"), signal=key)
