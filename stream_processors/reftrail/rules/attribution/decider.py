"""Attribution: the code that referred a user is decided once, and what the user does then claims.

The first signup decides, by its touch or by the code typed in. Where a campaign refers users once
in the campaign, a later signup may decide again for that campaign. A user who signed up without
either can still be attributed by a touch from before the signup, if it comes in within the
campaign's grace. An earlier touch corrects a decision within the grace, but only until something
that may earn has claimed: the outcome of a claim isn't known here. Any other late touch is recorded
without effect.

Purchases and refunds wait for a decision and for its correction, for a limited time. A correction
decides on them as if it had been the first decision.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, assert_never

from reftrail.contracts.conversions import ConversionKind, Converted
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.stage_messages import Forwarded, UserSeen
from reftrail.rules.attribution.bounds import DEFAULT, Bounds
from reftrail.rules.attribution.browsers import note_shared, seen_buying
from reftrail.rules.attribution.evolve import evolve
from reftrail.rules.attribution.expiry import expire
from reftrail.rules.attribution.joining import join, signup_of_several
from reftrail.rules.attribution.late_touch import take_late_touch
from reftrail.rules.attribution.merging import forward, merge, next_user
from reftrail.rules.attribution.other_devices import (
    take_identified,
    touches_no_longer_waiting,
)
from reftrail.rules.attribution.purchases import no_longer_waiting, take_purchase_or_refund
from reftrail.rules.attribution.question import Question, question
from reftrail.rules.attribution.signup import attribute_by_signup
from reftrail.rules.attribution.state_events import Event
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Reference, TimerFired

AttributionInput: TypeAlias = Converted | Forwarded | UserSeen | TimerFired
"""Records on which the attribution stage decides."""

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_SIGNUP: Final = ConversionKind.SIGNUP
_USERS_MERGED: Final = ConversionKind.USERS_MERGED

SIGNUP_WAIT: Millis = 30 * DAY
"""Time from its receipt for which a purchase or refund waits for the user's signup."""


class AttributionDecider:
    """The decider of the attribution stage. Its state is cells under a user.

    signup_wait is the time from its receipt for which a purchase or refund waits for the signup,
    bounds are those of a decision about merged users.
    """

    def __init__(self, signup_wait: Millis = SIGNUP_WAIT, bounds: Bounds = DEFAULT) -> None:
        self.signup_wait = signup_wait
        self.bounds = bounds

    def decide(
        self, state: Cells, record: AttributionInput, cause: Cause, reference: Reference
    ) -> Sequence[Event]:
        """The events that follow from a conversion, or from a timer."""
        return self.settle(state, record, cause, reference)[0]

    def settle(
        self, state: Cells, record: AttributionInput, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Event], Cells]:
        """The events that follow from a record, and the state after them."""
        draft = state.draft()
        if type(record) is TimerFired:
            events = expire(draft, record, cause)
            _apply(draft, events)
            return events, draft
        if isinstance(record, UserSeen):
            events = list(note_shared(draft, record, cause))
            _apply(draft, events)
            return events, draft
        on = question(draft, record, cause, reference, self.bounds)
        events = list(self._decided(on))
        _apply(draft, events)
        if on.record.visitor_id is not None and (seen := seen_buying(on, draft, events)):
            _apply(draft, seen)
            events += seen
        if next_user(on) is not None:
            return events, draft
        done = no_longer_waiting(on, draft)
        if on.record.kind == _SIGNUP and not reference.refers_by_campaign():
            done += touches_no_longer_waiting(on)
        _apply(draft, done)
        return [*events, *done], draft

    def evolve(self, state: Cells, record: Event) -> Cells:
        """The cells of a user after an event."""
        draft = state.draft()
        evolve(draft, record)
        return draft

    def _decided(self, on: Question) -> Sequence[Event]:  # noqa: PLR0911 - a table
        is_merge = on.forwarded is None and on.record.kind == _USERS_MERGED
        if not is_merge and next_user(on) is not None:
            return [forward(on)]
        if on.forwarded is not None and on.forwarded.history is not None:
            return join(on)
        match ConversionKind(on.record.kind):
            case ConversionKind.SIGNUP:
                is_alone = on.forwarded is None and not on.state.has_guests
                return attribute_by_signup(on) if is_alone else signup_of_several(on)
            case (
                ConversionKind.PURCHASE
                | ConversionKind.REFUND
                | ConversionKind.DISPUTE_OPENED
                | ConversionKind.DISPUTE_WON
                | ConversionKind.DISPUTE_LOST
            ):
                return take_purchase_or_refund(on, self.signup_wait)
            case ConversionKind.LATE_TOUCH:
                return take_late_touch(on)
            case ConversionKind.USERS_MERGED:
                return merge(on)
            case ConversionKind.IDENTIFIED | ConversionKind.IDENTIFIED_BY_PAGE:
                return take_identified(on, self.signup_wait)
            case kind:
                assert_never(kind)


def _apply(cells: Cells, events: Iterable[Event]) -> None:
    for event in events:
        evolve(cells, event)
