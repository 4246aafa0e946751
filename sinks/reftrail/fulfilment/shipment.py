"""Shipments: a parcel given to a carrier, which answers with a tracking number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from reftrail.contracts.decisions import RewardGranted
from reftrail.fulfilment.answers import Answer, Delivered, OrderRefused
from reftrail.fulfilment.http_client import HttpClient, text_in


@dataclass(frozen=True, slots=True)
class Parcel:
    """Parcel for a recipient, a user's id: addresses are unknown to reftrail."""

    reference: str
    recipient: str
    item: str


class Carrier(Protocol):
    """The adapter to one carrier, or to the warehouse that packs for it."""

    def ship(self, parcel: Parcel) -> Answer:
        """Have a parcel sent, once for each `parcel.reference`, however often this is called.

        What is delivered names the carrier and the tracking number. As with `Fulfiller.fulfil`,
        calls come from several threads, and an exception counts as Deferred and in doubt.
        """


class Shipments:
    """Fulfils orders whose kind is shipment."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def fulfil(self, order: RewardGranted) -> Answer:
        """Have the order's item sent to its beneficiary; reward_id is the parcel's reference."""
        if order.item is None:
            return OrderRefused("the order to ship names no item; give the campaign's reward one")
        return self._carrier.ship(Parcel(order.reward_id, order.beneficiary, order.item))


class HttpCarrier:
    """A carrier that speaks the interface of `reftrail.fulfilment.partners`.

    `POST URL/v1/shipments` with an idempotency key answers `{"carrier": "...", "tracking_number":
    "..."}`.
    """

    def __init__(self, http: HttpClient, url: str, key: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._key = key

    def ship(self, parcel: Parcel) -> Answer:
        """Ask under the idempotency key reference."""
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": parcel.reference,
        }
        body = msgspec.json.encode(parcel)
        return self._http.ask(f"{self._url}/v1/shipments", body, headers, _shipped)


def _shipped(answer: Mapping[str, Any]) -> Delivered | None:
    carrier, number = text_in(answer, "carrier"), text_in(answer, "tracking_number")
    if carrier is None or number is None:
        return None
    return Delivered(reference=number, carrier=carrier, tracking_number=number)
