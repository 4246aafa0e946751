"""Fields that objects of Stripe have in common: the order, who bought, and their other names."""

from typing import Any, Final

from reftrail.connectors.deliveries import USER, Event, Json, event, name_of, needed, part, text

BEFORE: Final = "previous_attributes"
"""Where an object has what it was like before."""


def order_of(charge: Json) -> str:
    """The order that a charge paid: an invoice, or a payment intent. Raises `Unreadable`."""
    return str(charge.get("invoice") or charge.get("payment_intent") or needed(charge, "id"))


def metadata_of(found: Json) -> dict[str, Any]:
    """Metadata of an object, and of the subscription that an invoice is for."""
    parents = (found, part(found, "parent"))
    subscribed = (part(part(parent, "subscription_details"), "metadata") for parent in parents)
    merged: dict[str, Any] = {}
    for metadata in (*subscribed, part(found, "metadata")):
        merged |= metadata
    return merged


def user_of(found: Json, order: str) -> str:
    """The shop's own user, else the customer; a guest is one in each order."""
    reference = None if found.get("payment_link") else found.get("client_reference_id")
    ours = name_of(metadata_of(found).get(USER)) or name_of(reference)
    return ours or text(found.get("customer")) or alias_of(order)


def alias_of(order: str) -> str:
    """The user of an order by which its refunds and disputes name who bought."""
    return f"guest:{order}"


def merges_of(found: Json, at: str) -> list[Event]:
    """The customer is the shop's user: what Stripe tells of the customer alone is that user's."""
    customer = text(found.get("customer"))
    return [] if customer is None else merge(customer, user_of(found, ""), at)


def merge(alias: str, user: str, at: str) -> list[Event]:
    """Another name of a user is that user's; nothing where it is the same one."""
    if alias == user:
        return []
    fields = {"user_id": alias, "merged_into": user, "event_time": at}
    return [event("users_merged", ("stripe", alias, user), **fields)]
