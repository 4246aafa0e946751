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

from collections.abc import Container, Iterable, Sequence
from typing import assert_never

import msgspec

from reftrail.contracts.decisions import Action, Attributed, Basis, ConversionKind, Converted
from reftrail.contracts.policy import Scope, policy_in
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.reference import CampaignDefined
from reftrail.rules.attribution.claims import (
    Decision,
    Deed,
    LoggedDeed,
    Open,
    claims_of,
    code_of,
    decision_of,
    deed_of,
    may_claim,
    may_earn,
    when_claimed,
)
from reftrail.rules.attribution.expiry import expire
from reftrail.rules.attribution.refusals import is_refund_forgotten, refuse_purchase
from reftrail.rules.attribution.state import (
    AttributionState,
    Event,
    FirstPurchaseSeen,
    LeftOpen,
    Postponed,
    SignedUp,
    WaitingEnded,
    evolve,
    state_of,
    waiting_of,
)
from reftrail.rules.attribution.waiting import WaitingDeed, waiting_key
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, Reference, Woken, because, fingerprint
from reftrail.rules.policy import policy_at

SIGNUP_WAIT: Millis = 30 * DAY
"""For how long, from its receipt, a purchase or refund waits for the user's signup."""


class AttributionDecider:
    """The decider of the attribution stage. Its state is cells under a user.

    signup_wait is the time from its receipt for which a purchase or refund waits for the signup.
    """

    def __init__(self, signup_wait: Millis = SIGNUP_WAIT) -> None:
        self.signup_wait = signup_wait

    def decide(
        self, state: Cells, record: Converted | Woken, cause: Cause, reference: Reference
    ) -> Sequence[Event]:
        """The events that follow from a conversion, or from a timer."""
        return self.settle(state, record, cause, reference)[0]

    def settle(
        self, state: Cells, record: Converted | Woken, cause: Cause, reference: Reference
    ) -> tuple[Sequence[Event], Cells]:
        """The events that follow from a record, and the state after them."""
        draft = state.draft()
        if isinstance(record, Woken):
            events = expire(draft, record, cause)
            _apply(draft, events)
            return events, draft
        on = _Question(state_of(draft, record.user_id), draft, record, cause, reference)
        events = list(self._decided(on))
        _apply(draft, events)
        done = _no_longer_waiting(on, draft)
        _apply(draft, done)
        return [*events, *done], draft

    def evolve(self, state: Cells, record: Event) -> Cells:
        """The cells of a user after an event."""
        draft = state.draft()
        evolve(draft, record)
        return draft

    def _decided(self, on: "_Question") -> Sequence[Event]:
        match ConversionKind(on.record.kind):
            case ConversionKind.SIGNUP:
                return _signup(on)
            case ConversionKind.LATE_TOUCH:
                return _late_touch(on)
            case ConversionKind.PURCHASE | ConversionKind.REFUND:
                return _deed(on, self.signup_wait)
            case kind:
                assert_never(kind)


class _Question(msgspec.Struct, frozen=True):
    """The input of a decision."""

    state: AttributionState
    cells: Cells
    record: Converted
    cause: Cause
    reference: Reference


def _apply(cells: Cells, events: Iterable[Event]) -> None:
    for event in events:
        evolve(cells, event)


def _signup(on: _Question) -> Sequence[Event]:
    state, record = on.state, on.record
    if state.by_signup(record.conversion_event_id):
        return []
    candidates = _attributed_by_signup(on)
    for attributed in candidates:
        if _may_be_attributed(on, attributed):
            return _attribute(on, attributed, deed_of(record))
    if candidates or state.decisions or state.signup is not None:
        return []
    common = because(record, on.cause)
    return [SignedUp(**common, user_id=record.user_id, signup=deed_of(record))]


def _attributed_by_signup(on: _Question) -> list[Attributed]:
    """The attributions that a signup allows, the preferred one first.

    The second counts where the campaign of the first has referred the user before.
    """
    typed, touch = [], []
    if on.record.typed_code is not None:
        typed = [_by_typed_code(on)]
    if on.record.touch_code is not None:
        touch = [_by_touch(on, Basis.FIRST_TOUCH)]
    if typed and _typed_code_decides(on):
        return [*typed, *touch]
    return [*touch, *typed]


def _may_be_attributed(on: _Question, attributed: Attributed) -> bool:
    """Whether the user is attributed for the first time, ever or in the campaign."""
    policy = policy_at(on.reference, attributed.campaign_id, attributed.event_time)
    if policy_in(policy.policy).scope == Scope.CAMPAIGN:
        return all(known.campaign_id != attributed.campaign_id for known in on.state.decisions)
    return not on.state.decisions and on.state.signup is None


def _typed_code_decides(on: _Question) -> bool:
    """Whether the typed code is preferred: there is no touch, or the campaign says so."""
    signup = on.record
    if signup.touch_code is None:
        return True
    campaign_id = _by_typed_code(on).campaign_id
    policy = policy_at(on.reference, campaign_id, signup.event_time)
    return policy.typed_code_wins and signup.typed_code_known is not False


def _late_touch(on: _Question) -> Sequence[Event]:
    state, record = on.state, on.record
    assert record.touch_time is not None
    if state.signup is not None and record.conversion_event_id == state.signup.event_id:
        if _is_in_grace(on, state.signup):
            return _attribute(on, _by_touch(on, Basis.LATE_TOUCH), _with_touch(state.signup, on))
    else:
        decision = state.by_signup(record.conversion_event_id)
        if decision is not None and decision.open and _corrects(on, decision, decision.open):
            attributed = _by_touch(on, Basis.LATE_TOUCH)
            corrected = msgspec.structs.replace(attributed, corrects=decision.open.attributed_id)
            is_claimed = attributed.code == decision.code
            signup = _with_touch(decision.open.signup, on)
            return _attribute(on, corrected, signup, is_claimed=is_claimed)
    earliest = _earliest_known(on)
    if earliest is None or record.touch_time >= earliest:
        return []
    return [_by_touch(on, Basis.LATE_TOUCH, decisive=False)]


def _with_touch(signup: Deed, on: _Question) -> Deed:
    """The signup with the signals of the touch that came in after it."""
    return msgspec.structs.replace(signup, touch=deed_of(on.record).touch)


def _is_in_grace(on: _Question, signup: Deed) -> bool:
    assert on.record.arrived_at is not None
    grace = _policy_of_touch(on).late_touch_grace_ms
    return on.record.arrived_at <= signup.received_at + grace


def _policy_of_touch(on: _Question) -> CampaignDefined:
    assert on.record.touch_time is not None
    campaign_id = _by_touch(on, Basis.LATE_TOUCH).campaign_id
    return policy_at(on.reference, campaign_id, on.record.touch_time)


def _corrects(on: _Question, decision: Decision, still: Open) -> bool:
    """Whether a late touch would have decided, had it come in time."""
    assert on.record.touch_time is not None
    campaign_id = _by_touch(on, Basis.LATE_TOUCH).campaign_id
    others = (known for known in on.state.decisions if known is not decision)
    if any(known.campaign_id == campaign_id for known in others) or _is_backdated(on):
        return False
    if on.record.touch_time >= decision.touch_time or not _is_in_grace(on, still.signup):
        return False
    if decision.basis != Basis.TYPED_CODE:
        return True
    policy = policy_at(on.reference, decision.campaign_id, decision.signed_up_at)
    return not policy.typed_code_wins


def _is_backdated(on: _Question) -> bool:
    """Whether a touch is old on receipt, and came under a publishable key.

    Anybody can send such a touch with any time, so it doesn't replace the touch that decided.
    """
    record = on.record
    if record.touch_key_kind != "publishable":
        return False
    assert record.arrived_at is not None
    assert record.touch_time is not None
    allowed = policy_in(_policy_of_touch(on).policy).backdated_touch_for
    return record.arrived_at - record.touch_time > allowed


def _earliest_known(on: _Question) -> Millis | None:
    """The time before which a late touch is recorded; None without a signup of the user."""
    state = on.state
    if state.late_touch_time is not None:
        return state.late_touch_time
    if state.decisions:
        decision = state.by_signup(on.record.conversion_event_id) or state.decisions[0]
        return decision.touch_time
    return None if state.signup is None else state.signup.event_time + 1


def _deed(on: _Question, signup_wait: Millis) -> Sequence[Event]:
    """Claim for a purchase or refund, and let it wait while a decision may follow."""
    state, record = on.state, on.record
    deed = deed_of(record)
    events: list[Event] = []
    if deed.action == Action.PURCHASE and not 0 <= state.first_purchase_at <= deed.event_time:
        common = because(record, on.cause)
        events.append(FirstPurchaseSeen(**common, user_id=record.user_id))
    for decision in state.decisions:
        events += _claimed(on, LoggedDeed(deed, on.cause), decision, record, ())
    key = waiting_key(record.user_id, deed.event_id)
    if _may_decide_again(on, state) and on.cells.get(key, WaitingDeed).is_empty:
        postponed = Postponed(
            **because(record, on.cause),
            user_id=record.user_id,
            deed_id=deed.event_id,
            waiting=WaitingDeed.of(deed, signup_wait, on.cause.offset),
        )
        events.append(postponed)
    return events


def _claimed(
    on: _Question,
    logged: LoggedDeed,
    decision: Decision,
    record: Converted | Attributed,
    refunds: Container[int],
) -> Sequence[Event]:
    """The claim of a purchase or refund under a decision; none if the decision doesn't apply.

    A purchase is refused if its order was refunded and the refund waits no longer. refunds are the
    fingerprints of the refunds that claim with it.
    """
    deed = logged.deed
    if not may_claim(deed, decision, on.reference):
        return []
    if deed.action == Action.PURCHASE and is_refund_forgotten(
        on.cells, record.user_id, deed.order_id, decision.code, refunds
    ):
        return [refuse_purchase(on.record, logged)]
    return claims_of(deed, decision, record, on.cause, on.reference)


def _may_decide_again(on: _Question, state: AttributionState) -> bool:
    """Whether a decision may come, be corrected, or follow for another campaign."""
    if not state.decisions or any(known.open for known in state.decisions):
        return True
    return on.reference.refers_by_campaign()


def _no_longer_waiting(on: _Question, cells: Cells) -> list[Event]:
    """End the wait of a user's purchases and refunds, if no decision can follow."""
    user_id = on.record.user_id
    if _may_decide_again(on, state_of(cells, user_id)):
        return []
    ended = tuple(event_id for event_id, _ in waiting_of(cells, user_id))
    if not ended:
        return []
    common = because(on.record, on.cause)
    return [WaitingEnded(**common, user_id=user_id, ended=ended)]


def _attribute(
    on: _Question, attributed: Attributed, signup: Deed, *, is_claimed: bool = False
) -> Sequence[Event]:
    """The attribution, then the claims of the signup and of what waited for it.

    is_claimed: the signup has claimed under this code before, when another touch decided.
    """
    decision, record = decision_of(attributed), on.record
    events: list[Event] = [attributed]
    if not _may_have_earned(on, decision):
        common = because(record, on.cause)
        still = Open(signup, attributed.event_id)
        left = LeftOpen(**common, user_id=record.user_id, code=decision.code, open=still)
        events.append(left)
    if not is_claimed:
        events += claims_of(signup, decision, attributed, on.cause, on.reference)
    waiting = [
        LoggedDeed(cell.deed(event_id), cell.place(on.cause))
        for event_id, cell in waiting_of(on.cells, record.user_id)
    ]
    refunds = {fingerprint(deed.event_id) for deed, _ in waiting if deed.action == Action.REFUND}
    for logged in sorted(waiting, key=lambda logged: when_claimed(logged.deed)):
        events += _claimed(on, logged, decision, attributed, refunds)
    return events


def _may_have_earned(on: _Question, decision: Decision) -> bool:
    """Whether the campaign pays for the signup. Without a campaign nothing earns."""
    campaign = on.reference.campaign(decision.campaign_id, decision.signed_up_at)
    return campaign is not None and may_earn(Action.SIGNUP, campaign.trigger)


def _registered(
    on: _Question, code: str, evidence: str | None, known: str | None
) -> tuple[str, str | None]:
    """The spelling and the campaign of a code, by its record; what is known where there is none."""
    record = code_of(code, evidence, on.reference)
    return (record.code, record.campaign_id) if record else (code, known)


def _by_touch(on: _Question, basis: Basis, *, decisive: bool = True) -> Attributed:
    record = on.record
    assert record.touch_code is not None
    assert record.touch_time is not None
    code, campaign_id = _registered(
        on, record.touch_code, record.touch_code_evidence, record.touch_campaign_id
    )
    return Attributed(
        **because(record, on.cause, "attributed"),
        user_id=record.user_id,
        visitor_id=record.visitor_id,
        code=code,
        campaign_id=campaign_id,
        code_evidence=record.touch_code_evidence,
        basis=basis,
        decisive=decisive,
        touch_event_id=record.touch_event_id,
        touch_time=record.touch_time,
        signup_event_id=record.conversion_event_id,
        category=record.touch_category,
        channel=record.touch_channel,
    )


def _by_typed_code(on: _Question) -> Attributed:
    """The attribution by the typed code. It counts from the signup on, since it has no touch."""
    record = on.record
    assert record.typed_code is not None
    code, campaign_id = _registered(
        on, record.typed_code, record.typed_code_evidence, record.typed_campaign_id
    )
    return Attributed(
        **because(record, on.cause, "attributed"),
        user_id=record.user_id,
        visitor_id=record.visitor_id,
        code=code,
        campaign_id=campaign_id,
        code_evidence=record.typed_code_evidence,
        basis=Basis.TYPED_CODE,
        touch_time=record.event_time,
        signup_event_id=record.conversion_event_id,
        category=record.typed_category,
        channel=record.channel,
    )
