"""End of waiting: purchases and refunds whose user's signup never came."""

import msgspec

from reftrail.contracts.decisions import Converted
from reftrail.rules.attribution.claims import Deed
from reftrail.rules.attribution.state import (
    Event,
    WaitingDeed,
    WaitingEnded,
    state_of,
    waiting_key,
)
from reftrail.rules.cells import Cells
from reftrail.rules.decider import RULES, Cause, Refused, Woken, because, derived_id


def expire(cells: Cells, fired: Woken, cause: Cause) -> list[Event]:
    """Let go of a deed that waited long enough; without any signup it is a dead letter.

    It can be put back from there, once the user has signed up after all. Of a user whom nobody
    referred there is nothing to be made up for.
    """
    waiting = cells.get(waiting_key(fired.user_id, fired.action), WaitingDeed)
    if waiting.deed is None:
        return []
    common = because(fired, cause, f"waiting_ended {fired.action}")
    ended = WaitingEnded(**common, user_id=fired.user_id, ended=(fired.action,))
    state = state_of(cells, fired.user_id)
    if state.decisions or state.signup is not None:
        return [ended]
    return [ended, _unclaimed(fired, waiting, waiting.deed)]


def _unclaimed(fired: Woken, waiting: WaitingDeed, deed: Deed) -> Refused:
    return Refused(
        event_id=derived_id("no_signup", f"{waiting.partition}:{waiting.offset}", deed.event_id),
        event_time=fired.event_time,
        received_at=fired.received_at,
        cause_topic=waiting.topic,
        cause_partition=waiting.partition,
        cause_offset=waiting.offset,
        cause_event_id=deed.event_id,
        rules=RULES,
        reason="no_signup",
        detail=(
            f"the {deed.action} of this user waited for a signup until its time was over; put it "
            f"back if the user has signed up since"
        ),
        payload=_conversion(fired.user_id, waiting, deed),
    )


def _conversion(user_id: str, waiting: WaitingDeed, deed: Deed) -> Converted:
    """The conversion that the deed was read from."""
    told = {
        name: value
        for name, value in msgspec.structs.asdict(deed).items()
        if name not in ("action", "event_id", "touch")
    }
    return Converted(
        event_id=derived_id("converted", deed.event_id),
        cause_topic=waiting.topic,
        cause_partition=waiting.partition,
        cause_offset=waiting.offset,
        cause_event_id=deed.event_id,
        rules=RULES,
        kind=deed.action,
        user_id=user_id,
        conversion_event_id=deed.event_id,
        **told,
    )
