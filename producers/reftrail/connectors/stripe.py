"""Events of Stripe as those of the collector.

The types and fields: https://docs.stripe.com/api/events/types
An order is a payment intent, or an invoice. Who bought is in the metadata of what Stripe tells
of, else it is the customer; of a payment link, the page's visitor is its client_reference_id.
Charges and disputes don't say: they name the order's alias, merged into who bought.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from reftrail.connectors.amounts import currency_of, from_minor, rounded, total, written
from reftrail.connectors.deliveries import (
    CODE,
    NOTHING,
    UNKNOWN,
    USER,
    VISITOR,
    Delivery,
    Event,
    Json,
    Mapped,
    Unreadable,
    code_of,
    context_of,
    event,
    name_of,
    needed,
    part,
    parts,
    text,
)
from reftrail.connectors.stripe_fields import (
    BEFORE,
    alias_of,
    merge,
    merges_of,
    metadata_of,
    user_of,
)
from reftrail.connectors.stripe_returns import closed, credited, disputed, opened, refunded
from reftrail.contracts.times import rfc3339

_LATEST_SECONDS: Final = 7_258_118_400  # the year 2200
_PAID: Final = frozenset({"paid", "no_payment_required"})


def mapped(delivery: Delivery) -> Mapped:
    """The events of a delivery. Raises `Unreadable`."""
    read = _TYPES.get(delivery.topic)
    if read is None:
        return UNKNOWN
    if delivery.payload.get("livemode") is False and not delivery.counts_tests:
        return NOTHING
    data = part(delivery.payload, "data")
    found = {**part(data, "object"), BEFORE: data.get(BEFORE)}
    return Mapped(read(found, _time(needed(delivery.payload, "created"))))


def _checkout(session: Json, at: str) -> list[Event]:
    """A checkout that is paid; what a subscription or an invoice costs, its invoices say."""
    if str(session.get("payment_status")) not in _PAID:
        return []
    payment = text(session.get("payment_intent")) or str(needed(session, "id"))
    details, user = part(session, "customer_details"), user_of(session, payment)
    context = context_of(
        email=details.get("email"), country=part(details, "address").get("country")
    )
    events = [*merges_of(session, at), *_signup(session, user, at, context)]
    if session.get("mode") != "payment" or session.get("invoice"):
        return events
    currency, costs = currency_of(session.get("currency")), part(session, "total_details")
    fields = {
        "amount": from_minor(needed(session, "amount_total"), currency),
        "currency": currency,
        "tax": _optional(costs.get("amount_tax"), currency),
        "shipping": _optional(costs.get("amount_shipping"), currency),
    }
    return [*events, *_purchase(session, payment, at, fields | context)]


def _invoice(invoice: Json, at: str) -> list[Event]:
    """A paid invoice: that of a trial is no order."""
    order, currency = str(needed(invoice, "id")), currency_of(invoice.get("currency"))
    paid = invoice.get("total" if invoice.get("paid_out_of_band") else "amount_paid")
    fields = {
        "amount": from_minor(paid, currency),
        "currency": currency,
        "tax": _tax_of(invoice, paid, currency),
        **context_of(email=invoice.get("customer_email")),
    }
    signup = _signup(invoice, user_of(invoice, order), at, {})
    return [*merges_of(invoice, at), *signup, *_purchase(invoice, order, at, fields)]


def _payment(payment: Json, at: str) -> list[Event]:
    """A payment without a checkout or an invoice: its metadata say whose it is.

    One may name the session of its checkout, or its invoice: these say more, such as the tax.
    """
    reference = str(part(payment, "payment_details").get("order_reference"))
    is_told = payment.get("invoice") or reference.startswith(("cs_", "in_"))
    if USER not in part(payment, "metadata") or is_told:
        return []
    order, currency = str(needed(payment, "id")), currency_of(payment.get("currency"))
    amount = from_minor(needed(payment, "amount_received"), currency)
    fields = {"amount": amount, "currency": currency}
    signup = _signup(payment, user_of(payment, order), at, {})
    return [*merges_of(payment, at), *signup, *_purchase(payment, order, at, fields)]


def _purchase(found: Json, order: str, at: str, fields: Json) -> list[Event]:
    """An order and its alias; none of nothing, as a trial is: it would be the first purchase."""
    if Decimal(fields["amount"]) == 0:
        return []
    user = user_of(found, order)
    about = {"user_id": user, "order_id": order, "event_time": at}
    purchase = event("purchase", ("stripe", order), **about, **fields)
    return [*merge(alias_of(order), user, at), purchase]


def _customer(customer: Json, at: str) -> list[Event]:
    """A new customer whose metadata say who brought them."""
    ours = part(customer, "metadata").get(USER)
    user = name_of(ours) or str(needed(customer, "id"))
    about = {**customer, "customer": customer.get("id")}
    context = context_of(email=customer.get("email"))
    return [*merges_of(about, at), *_signup(customer, user, at, context)]


def _time(seconds: object) -> str:
    if not isinstance(seconds, int) or not 0 < seconds < _LATEST_SECONDS:
        raise Unreadable("created is no number of seconds")
    return rfc3339(seconds * 1000)


def _signup(found: Json, user: str, at: str, context: Json) -> list[Event]:
    metadata = metadata_of(found)
    linked = found.get("client_reference_id") if found.get("payment_link") else None
    visitor = name_of(metadata.get(VISITOR)) or name_of(linked)
    code = code_of(metadata.get(CODE))
    if visitor is None and code is None:
        return []
    about = {"user_id": user, "event_time": at, "visitor_id": visitor, "code": code}
    return [event("signup", ("stripe", user), **about, **context)]


def _tax_of(invoice: Json, paid: object, currency: str) -> str | None:
    """The tax in what was paid: a balance or a credit may have paid the rest of the total."""
    taxes, tax = parts(invoice, "total_taxes"), invoice.get("tax")
    amounts = [tax] if isinstance(tax, int) else [needed(tax_of, "amount") for tax_of in taxes]
    if not amounts:
        return None
    found = total(Decimal(from_minor(amount, currency)) for amount in amounts)
    whole, part_paid = invoice.get("total"), Decimal(from_minor(paid, currency))
    if whole is not None and (cost := Decimal(from_minor(whole, currency))) > part_paid:
        found = found * part_paid / cost
    return written(rounded(found, currency))


def _optional(minor: object, currency: str) -> str | None:
    """A tax or shipping. Of ISK and UGX Stripe counts hundredths, which an event has none of."""
    return (
        None if minor is None else written(rounded(Decimal(from_minor(minor, currency)), currency))
    )


_TYPES: Final[Mapping[str, Callable[[Json, str], list[Event]]]] = MappingProxyType(
    {
        "checkout.session.completed": _checkout,
        "checkout.session.async_payment_succeeded": _checkout,
        "invoice.paid": _invoice,
        "payment_intent.succeeded": _payment,
        "charge.refunded": refunded,
        "credit_note.created": credited,
        "charge.dispute.created": opened,
        "charge.dispute.funds_withdrawn": disputed("dispute_opened"),
        "charge.dispute.closed": closed,
        "customer.created": _customer,
    }
)
