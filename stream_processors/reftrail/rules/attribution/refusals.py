"""Refusals of purchases and refunds: dead letters that can be put back."""

from collections.abc import Container

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.decisions import Converted
from reftrail.rules.attribution.claims import LoggedDeed
from reftrail.rules.attribution.waiting import ForgottenRefunds, forgotten_key
from reftrail.rules.cells import Cells
from reftrail.rules.decider import RULES, Refused, Woken, derived_id


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


def refuse_purchase(record: Converted, purchase: LoggedDeed) -> Refused:
    """Refuse a purchase whose order was refunded, since no referral knows of the refund."""
    detail = (
        f"a refund of order {purchase.deed.order_id} waited in vain until its time was over; put "
        f"that refund back or send it again, then put this purchase back"
    )
    return refused(record, purchase, reason="refund_forgotten", detail=detail)


def refused(record: Converted | Woken, logged: LoggedDeed, *, reason: str, detail: str) -> Refused:
    """The dead letter of a purchase or refund. Its payload is the conversion.

    record is the one that came now, and gives it its times.
    """
    deed, place = logged
    return Refused(
        event_id=derived_id(reason, f"{place.partition}:{place.offset}", deed.event_id),
        event_time=record.event_time,
        received_at=record.received_at,
        cause_topic=place.topic,
        cause_partition=place.partition,
        cause_offset=place.offset,
        cause_event_id=deed.event_id,
        rules=RULES,
        reason=reason,
        detail=detail,
        payload=_conversion(record.user_id, logged),
    )


def _conversion(user_id: str, logged: LoggedDeed) -> Converted:
    """The conversion of a purchase or refund."""
    deed, place = logged
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(deed).items()
        if name not in ("action", "event_id", "touch")
    }
    return Converted(
        event_id=derived_id("converted", deed.event_id),
        cause_topic=place.topic,
        cause_partition=place.partition,
        cause_offset=place.offset,
        cause_event_id=deed.event_id,
        rules=RULES,
        kind=deed.action,
        user_id=user_id,
        conversion_event_id=deed.event_id,
        **fields,
    )
