"""Purchases and refunds: they claim under the decisions that there are, and wait for others."""

from collections.abc import Container, Iterable, Sequence

from reftrail.contracts.decisions import Action, Attributed, Converted
from reftrail.contracts.record import Millis
from reftrail.rules.attribution.claims import (
    Decision,
    LoggedDeed,
    claims_of,
    deed_of,
    may_claim,
    when_claimed,
)
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.refusals import is_refund_forgotten, refuse_purchase
from reftrail.rules.attribution.state import (
    AttributionState,
    Event,
    FirstPurchaseSeen,
    Postponed,
    WaitingEnded,
    waiting_of,
)
from reftrail.rules.attribution.waiting import WaitingDeed, waiting_key
from reftrail.rules.cells import Cells
from reftrail.rules.decider import because, fingerprint


def take_purchase_or_refund(on: Question, signup_wait: Millis) -> Sequence[Event]:
    """Claim for a purchase or refund, and let it wait while a decision may follow."""
    state, record = on.state, on.record
    deed = deed_of(record)
    events: list[Event] = []
    if deed.action == Action.PURCHASE and not 0 <= state.first_purchase_at <= deed.event_time:
        common = because(record, on.cause)
        events.append(FirstPurchaseSeen(**common, user_id=record.user_id))
    for decision in state.decisions:
        events += _claimed(on, LoggedDeed(deed, on.cause), decision, record, ())
    if _may_decide_again(on, state) and not _waits(on, deed.event_id):
        postponed = Postponed(
            **because(record, on.cause),
            user_id=record.user_id,
            deed_id=deed.event_id,
            waiting=WaitingDeed.of(deed, signup_wait, on.cause.offset),
        )
        events.append(postponed)
    return events


def claims_of_waiting(on: Question, decision: Decision, attributed: Attributed) -> Iterable[Event]:
    """The claims of what waited for a decision, in their order."""
    waiting = [
        LoggedDeed(cell.deed(event_id), cell.place(on.cause))
        for event_id, cell in waiting_of(on.cells, on.key)
    ]
    refunds = {fingerprint(deed.event_id) for deed, _ in waiting if deed.action == Action.REFUND}
    for logged in sorted(waiting, key=lambda logged: when_claimed(logged.deed)):
        yield from _claimed(on, logged, decision, attributed, refunds)


def no_longer_waiting(on: Question, cells: Cells) -> list[Event]:
    """End the wait of a user's purchases and refunds, if no decision can follow."""
    if _may_decide_again(on, cells.get(on.key, AttributionState)):
        return []
    ended = tuple(event_id for event_id, _ in waiting_of(cells, on.key))
    if not ended:
        return []
    common = because(on.record, on.cause)
    return [WaitingEnded(**common, user_id=on.record.user_id, ended=ended)]


def _claimed(
    on: Question,
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


def _waits(on: Question, event_id: str) -> bool:
    return not on.cells.get(waiting_key(on.record.user_id, event_id), WaitingDeed).is_empty


def _may_decide_again(on: Question, state: AttributionState) -> bool:
    """Whether a decision may come, be corrected, or follow for another campaign."""
    if not state.decisions or any(known.open for known in state.decisions):
        return True
    return on.reference.refers_by_campaign()
