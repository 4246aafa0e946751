"""Keys that a tick wakes, and the records with which it does."""

from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Record
from reftrail.rules.attribution import waiting
from reftrail.rules.decider import Cause, TimerFired, metadata
from reftrail.rules.reward import keys


def action_timer_fired(key: str, tick: Ticked, cause: Cause) -> TimerFired:
    """The record for a reward, or a code's day, whose time has come, by its cell's key."""
    code, user_id, action = keys.parts_of_timed_key(key)
    common = metadata(tick, cause, f"woken:{key}")
    return TimerFired(**common, code=code, user_id=user_id, action=action)


def visitor_timer_fired(key: str, record: Record, cause: Cause) -> TimerFired:
    """The record for a visitor who is to be forgotten, by the event that tells the time."""
    return TimerFired(**metadata(record, cause, f"woken:{key}"), visitor_id=key)


def user_timer_fired(key: str, tick: Ticked, cause: Cause) -> TimerFired:
    """The record for a purchase or refund that has waited long enough, by its cell's key."""
    user_id, rest = waiting.parts_of_timed_key(key)
    return TimerFired(**metadata(tick, cause, f"woken:{key}"), user_id=user_id, action=rest)


def limit_timer_fired(key: str, tick: Ticked, cause: Cause) -> TimerFired:
    """The record for a limit of a day that is to be forgotten."""
    return TimerFired(**metadata(tick, cause, f"woken:{key}"), action=key)


def signal_timer_fired(key: str, tick: Ticked, cause: Cause) -> TimerFired:
    """The record for a signal whose claims are to be forgotten."""
    return TimerFired(**metadata(tick, cause, f"woken:{key}"), signal=key)
