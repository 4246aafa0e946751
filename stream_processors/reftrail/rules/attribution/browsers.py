"""Browsers of users: those that they share with others, and those in which they buy something.

The touch stage knows who signed up or is identified in a browser. Purchases have the key of their
user, so attribution tells the velocity stage of them, which alone knows all users of a browser.
"""

from collections.abc import Iterable
from typing import Final

from reftrail.contracts.conversions import ConversionKind
from reftrail.contracts.record import DAY
from reftrail.contracts.stage_messages import CheckRequested, UserSeen
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.state import AttributionState, state_of
from reftrail.rules.attribution.state_events import BrowserShared, BuyerSeen, Event
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, fingerprint, metadata
from reftrail.rules.velocity import visitor_in, visitor_signal

TOLD_AGAIN_AFTER: Final = 15
"""Days after which attribution tells of the same browser again: half the time that it counts."""

MOST_SHARED: Final = 4
"""The most shared browsers of a user that are kept, unless more are those of signups and touches
that decided: all of these are, at most two for each decision."""

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_PURCHASE: Final = ConversionKind.PURCHASE


def note_shared(cells: Cells, seen: UserSeen, cause: Cause) -> list[Event]:
    """Note that a user shares a browser with others: claims ask about it from then on.

    Pages can name as many users as they like, so nothing is kept of those who aren't known here,
    and what a page alone says displaces nothing but for the browser of the signup or touch.
    """
    visitor, state = visitor_in(seen.signal), state_of(cells, seen.user_id)
    if visitor in state.shared or (seen.by_page and state == AttributionState()):
        return []
    is_full = len(state.shared) >= MOST_SHARED
    if is_full and seen.by_page and not _matters(state, visitor):
        return []
    shared = most_important(state, (*state.shared, visitor))
    if visitor not in shared:  # all others are of signups and touches
        return []
    return [BrowserShared(**metadata(seen, cause), user_id=seen.user_id, shared=shared)]


def most_important(state: AttributionState, browsers: Iterable[int]) -> tuple[int, ...]:
    """Of shared browsers those to ask about, by fingerprint.

    Those of signups and touches that decided are all left: to be named elsewhere would else hide
    them. Of others the latest are, up to `MOST_SHARED` browsers in all.
    """
    known = tuple(dict.fromkeys(browsers))
    others = [browser for browser in known if not _matters(state, browser)]
    gone = others[: max(0, len(known) - MOST_SHARED)]
    return tuple(browser for browser in known if browser not in gone)


def _matters(state: AttributionState, browser: int) -> bool:
    """Whether a signup or touch that decided was in a browser, by its fingerprint."""
    return any(known.has_been_in(browser) for known in state.decisions)


def seen_buying(on: Question, cells: Cells, events: Iterable[Event]) -> list[Event]:
    """Tell that a user bought something in a browser, unless that was told lately.

    events are those of the decision: a claim may have told of it.
    """
    record = on.record
    if record.visitor_id is None or record.kind != _PURCHASE:
        return []
    visitor, day = fingerprint(record.visitor_id), record.event_time // DAY
    known = state_of(cells, record.user_id)
    if known.visitor == visitor and abs(day - known.visitor_day) < TOLD_AGAIN_AFTER:
        return []
    signal = visitor_signal(record.visitor_id)
    if any(isinstance(event, CheckRequested) and event.signal == signal for event in events):
        return []
    name = f"user_seen:{record.user_id}"
    seen = UserSeen(**metadata(record, on.cause, name), signal=signal, user_id=record.user_id)
    common = metadata(record, on.cause)
    return [seen, BuyerSeen(**common, user_id=record.user_id, visitor=visitor, day=day)]
