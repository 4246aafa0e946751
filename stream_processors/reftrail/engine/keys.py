"""Keys that a tick wakes, and the records with which it does."""

from reftrail.contracts.external_inputs import Ticked
from reftrail.rules.attribution.waiting import parts_of_timed_key
from reftrail.rules.decider import Cause, Woken, because
from reftrail.rules.reward.keys import parts_of_action_key


def woken_action(key: str, tick: Ticked, cause: Cause) -> Woken:
    """The record for a reward whose time has come, by its cell's key."""
    code, user_id, action = parts_of_action_key(key)
    common = because(tick, cause, f"woken:{key}")
    return Woken(**common, code=code, user_id=user_id, action=action)


def woken_deed(key: str, tick: Ticked, cause: Cause) -> Woken:
    """The record for a purchase or refund that has waited long enough, by its cell's key."""
    user_id, rest = parts_of_timed_key(key)
    return Woken(**because(tick, cause, f"woken:{key}"), user_id=user_id, action=rest)


def woken_signal(key: str, tick: Ticked, cause: Cause) -> Woken:
    """The record for a signal whose claims are to be forgotten."""
    return Woken(**because(tick, cause, f"woken:{key}"), signal=key)
