"""Refusals of purchases and refunds: dead letters that can be put back."""

from collections.abc import Container

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.conversions import Converted
from reftrail.rules.attribution.user_action import LoggedAction
from reftrail.rules.attribution.waiting import ForgottenRefunds, forgotten_key
from reftrail.rules.cells import Cells
from reftrail.rules.decider import RULES, Refused, TimerFired, derived_id


def is_refund_forgotten(
    cells: Cells, user_id: str, order_id: str | None, code: str, claiming: Container[int]
) -> bool:
    """Whether a refund of an order waits no longer, and hasn't claimed under a code.

    claiming are the fingerprints of the refunds that claim now.
    """
    if order_id is None:
        return False
    forgotten = cells.get(forgotten_key(user_id, order_id), ForgottenRefunds)
    form = canonical(code)
    return any(form not in codes and refund not in claiming for refund, codes in forgotten.refunds)


def refuse_purchase(record: Converted, purchase: LoggedAction) -> Refused:
    """Refuse a purchase whose order was refunded, since no referral knows of the refund."""
    detail = (
        f"a refund of order {purchase.action.order_id} waited in vain until its time was over; put "
        f"that refund back or send it again, then put this purchase back"
    )
    return refused(record, purchase, reason="refund_forgotten", detail=detail)


def refused(
    record: Converted | TimerFired, logged: LoggedAction, *, reason: str, detail: str
) -> Refused:
    """The dead letter of a purchase or refund. Its payload is the conversion.

    record is the one that came now, and gives it its times.
    """
    action, cause = logged
    return Refused(
        event_id=derived_id(reason, f"{cause.partition}:{cause.offset}", action.event_id),
        event_time=record.event_time,
        received_at=record.received_at,
        cause_topic=cause.topic,
        cause_partition=cause.partition,
        cause_offset=cause.offset,
        cause_event_id=action.event_id,
        rules=RULES,
        reason=reason,
        detail=detail,
        payload=conversion_of(record.user_id, logged),
    )


def conversion_of(user_id: str, logged: LoggedAction) -> Converted:
    """The conversion of a purchase or refund."""
    action, cause = logged
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(action).items()
        if name not in ("kind", "event_id", "touch")
    }
    return Converted(
        event_id=derived_id("converted", action.event_id),
        cause_topic=cause.topic,
        cause_partition=cause.partition,
        cause_offset=cause.offset,
        cause_event_id=action.event_id,
        rules=RULES,
        kind=action.kind,
        user_id=user_id,
        conversion_event_id=action.event_id,
        **fields,
    )
