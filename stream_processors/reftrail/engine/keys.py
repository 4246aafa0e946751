"""Under which keys stages keep what they know, and whom a key wakes."""

from typing import Any

from reftrail.contracts.life import Ticked
from reftrail.rules.decider import Cause, Woken, because
from reftrail.rules.turn import user_of


def code_key(record: Any) -> str:
    """The code, such that it never looks like a `code:user` key, whatever somebody typed in."""
    code: str = record.code.replace("%", "%25").replace(":", "%3A")
    return code


def code_and_user_key(record: Any) -> str:
    """`code:user`, for whatever concerns a user under a code."""
    return f"{code_key(record)}:{user_of(record)}"


def is_code_and_user(key: str) -> bool:
    """Whether a key is that of a user under a code, not that of a code."""
    return ":" in key


def woken_pair(key: str, tick: Ticked, cause: Cause) -> Woken:
    """Whom a tick wakes under a `code:user` key."""
    code, _, user_id = key.partition(":")
    code = code.replace("%3A", ":").replace("%25", "%")
    return Woken(**because(tick, cause, f"woken:{key}"), code=code, user_id=user_id)


def woken_signal(key: str, tick: Ticked, cause: Cause) -> Woken:
    """What a tick wakes under a signal's key."""
    return Woken(**because(tick, cause, f"woken:{key}"), signal=key)
