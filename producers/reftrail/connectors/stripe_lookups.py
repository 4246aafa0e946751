"""Lookups at Stripe of what its deliveries leave out: a dispute's charge, a charge's invoice.

Without a key nothing is looked up.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from reftrail.connectors.deliveries import Delivery, Json, part

API: Final = "https://api.stripe.com"
VERSION: Final = "2025-02-24.acacia"
"""The last version in which a charge names its invoice."""
_SECONDS: Final = 10.0
_FOUND: Final = 200


class LookupFailed(Exception):  # noqa: N818  named after what it says
    """Stripe didn't say. The same delivery may do better later. str() says why."""


class StripeLookups:
    """Stripe's API with a restricted key that may read charges."""

    def __init__(self, api_key: str | None, url: str = API) -> None:
        self._api_key = api_key
        self._url = url

    async def completed(self, delivery: Delivery) -> Delivery:
        """A delivery with the charge that it is about. Raises `LookupFailed`."""
        found = part(part(delivery.payload, "data"), "object")
        is_dispute = delivery.topic.startswith("charge.dispute.")
        if self._api_key is None or not (is_dispute or delivery.topic == "charge.refunded"):
            return delivery
        if is_dispute:
            completed = {**found, "charge": await self._charge(found.get("charge"))}
        elif "invoice" in found:
            return delivery
        else:
            charge = await self._charge(found.get("id"))
            completed = {**found, "invoice": charge.get("invoice")}
        data = {**part(delivery.payload, "data"), "object": completed}
        return replace(delivery, payload={**delivery.payload, "data": data})

    async def _charge(self, charge_id: object) -> Json:
        import httpx  # noqa: PLC0415  slow to import, and few collectors need it

        path = f"/v1/charges/{str(charge_id)[:80]}"
        headers = {"authorization": f"Bearer {self._api_key}", "stripe-version": VERSION}
        try:
            async with httpx.AsyncClient(base_url=self._url, timeout=_SECONDS) as client:
                answer = await client.get(path, headers=headers)
        except httpx.HTTPError as error:
            raise LookupFailed(f"Stripe can't be reached: {error!r}") from error
        if answer.status_code != _FOUND:
            raise LookupFailed(
                f"Stripe answers {answer.status_code} to GET {path}; the key must be one that may "
                f"read charges"
            )
        found: Any = msgspec.json.decode(answer.content)
        if not isinstance(found, Mapping):
            raise LookupFailed(f"Stripe answers GET {path} with something else than a charge")
        return found
