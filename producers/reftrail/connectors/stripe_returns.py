"""Refunds, credit notes and disputes of Stripe as events.

They don't say who bought: they name the order's alias, which is merged into the buyer.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from reftrail.connectors.amounts import currency_of, from_minor, written
from reftrail.connectors.deliveries import (
    USER,
    Event,
    Json,
    Unreadable,
    event,
    name_of,
    needed,
    part,
    parts,
)
from reftrail.connectors.stripe_fields import BEFORE, alias_of, merges_of, order_of
from reftrail.connectors.stripe_lookups import VERSION


def refunded(charge: Json, at: str) -> list[Event]:
    """A charge of which more has been refunded: amount_refunded is all of it by now.

    The step counts beside credit notes, the total where a step before it was lost.
    """
    if "invoice" not in charge:
        raise Unreadable(
            "a charge of this API version doesn't name its invoice; set "
            "REFTRAIL_COLLECTOR_STRIPE_API_KEY, a restricted key that may read charges, so that it "
            f"can be looked up, or give the webhook the version {VERSION}"
        )
    order, currency = order_of(charge), currency_of(charge.get("currency"))
    gone = from_minor(needed(charge, "amount_refunded"), currency)
    before = part(charge, BEFORE).get("amount_refunded")
    step = Decimal(0) if before is None else Decimal(gone) - Decimal(from_minor(before, currency))
    is_step = step > 0
    refund = event(
        "refund",
        ("stripe", needed(charge, "id"), gone),
        user_id=_payer(charge, order),
        order_id=order,
        event_time=at,
        refund_id=f"{needed(charge, 'id')}:{gone}" if is_step else None,
        amount=written(step) if is_step else None,
        amount_refunded=gone,
        currency=currency,
    )
    return [*merges_of(charge, at), refund]


def credited(note: Json, at: str) -> list[Event]:
    """A credit note about a paid invoice, without what the charge's refund says itself."""
    total, refunds = needed(note, "total"), parts(note, "refunds")
    order, currency = str(needed(note, "invoice")), currency_of(note.get("currency"))
    gone = Decimal(from_minor(total, currency)) - sum(
        Decimal(from_minor(needed(refund, "amount_refunded"), currency)) for refund in refunds
    )
    is_refund = bool(note.get("refund")) and not refunds
    if note.get("type") == "pre_payment" or is_refund or gone <= 0:
        return []
    refund = event(
        "refund",
        ("stripe", needed(note, "id")),
        user_id=_payer(note, order),
        order_id=order,
        event_time=at,
        refund_id=str(needed(note, "id")),
        amount=written(gone),
        currency=currency,
    )
    return [refund]


def disputed(kind: str) -> Callable[[Json, str], list[Event]]:
    """A reader of disputes, each of which is an event of a kind."""

    def read(dispute: Json, at: str) -> list[Event]:
        charge = dispute.get("charge")
        if not isinstance(charge, Mapping):
            raise Unreadable(
                "a dispute says nothing of its customer; set REFTRAIL_COLLECTOR_STRIPE_API_KEY, a "
                "restricted key that may read charges, so that its charge can be looked up"
            )
        order, currency = order_of(charge), currency_of(dispute.get("currency"))
        dispute_id = str(needed(dispute, "id"))
        return [
            event(
                kind,
                ("stripe", dispute_id),
                user_id=_payer(charge, order),
                order_id=order,
                event_time=at,
                dispute_id=dispute_id,
                amount=from_minor(needed(dispute, "amount"), currency),
                currency=currency,
            )
        ]

    return read


def opened(dispute: Json, at: str) -> list[Event]:
    """An inquiry takes no money yet; if it becomes a dispute, funds_withdrawn says so."""
    if str(dispute.get("status")).startswith("warning"):
        return []
    return disputed("dispute_opened")(dispute, at)


def closed(dispute: Json, at: str) -> list[Event]:
    """A dispute that is won or lost; nothing for any other ending."""
    outcome = {"won": "dispute_won", "lost": "dispute_lost"}.get(str(dispute.get("status")))
    return [] if outcome is None else disputed(outcome)(dispute, at)


def _payer(found: Json, order: str) -> str:
    """The user of a refund or dispute. Its customer may buy for several of the shop's users."""
    return name_of(part(found, "metadata").get(USER)) or alias_of(order)
