"""Claims that follow the end of a merged user's referral, under the one that is left.

They have event_ids of their own kind: an order that was refused because the two users were two is
decided on again by such a claim, and by no repetition of an earlier one.
"""

from collections.abc import Sequence

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.rules.cells import escaped, unescaped
from reftrail.rules.decider import derived_id


def after_merge(claim: Claimed) -> Claimed:
    """A claim as it follows a merge. Its signals were checked under the referral that ended."""
    return msgspec.structs.replace(claim, checks=[], event_id=_event_id(claim))


def is_after_merge(claim: Claimed) -> bool:
    """Whether a claim follows a merge. Such a claim asks for no checks."""
    return not claim.checks and claim.event_id == _event_id(claim)


def step_of(user_id: str, code: str) -> str:
    """A referral that claims go through, as their route has it."""
    return f"{escaped(user_id)}:{code}"


def next_step(route: Sequence[str]) -> tuple[str, str]:
    """The user and code of the first referral of a route."""
    user_id, _, code = route[0].partition(":")
    return unescaped(user_id), code


def _event_id(claim: Claimed) -> str:
    return derived_id("claimed_after_merge", claim.code, claim.action_event_id)
