"""HTTP endpoints of the simulated partners.

`POST /credit`, `POST /cash`: the receiver of webhooks. `POST /v1/shipments`, `GET
/v1/shipments/NUMBER`: the carrier. `GET /v1/books`: what each was asked for, and has done.
"""

import asyncio
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reftrail.fulfilment.partners.deliveries import Deliveries, Fault, number_of
from reftrail.fulfilment.shipment import Parcel
from reftrail.fulfilment.signature import HEADER, SignatureInvalid, verify
from reftrail.fulfilment.webhook import WebhookRequest

CARRIER: Final = "Simulated Parcel Service"
_ON_ITS_WAY: Final = ((60.0, "accepted"), (600.0, "in_transit"))
_STATUS: Final = {Fault.BUSY: 429, Fault.FAIL: 500, Fault.FORGET: 500}


class Partners:
    """Both of them. Everything is in memory, but tracking numbers follow from their keys."""

    def __init__(self, deliveries: Deliveries, secrets: Sequence[str], carrier_key: str) -> None:
        self._deliveries = deliveries
        self._secrets = secrets
        self._carrier_key = carrier_key
        self._shipped: dict[str, float] = {}

    async def account(self, request: Request) -> Response:
        """Credit or pay out, as a signed order says."""
        body = await request.body()
        try:
            verify(request.headers.get(HEADER), body, self._secrets, time.time())
        except SignatureInvalid as error:
            return JSONResponse({"error": str(error)}, 401)
        try:
            order = msgspec.json.decode(body, type=WebhookRequest)
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, 422)
        return await self._carried_out(order.reward_id, {"reference": f"acc-{order.reward_id}"})

    async def ship(self, request: Request) -> Response:
        """Take a parcel."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._carrier_key.encode()):
            return JSONResponse({"error": "send Authorization: Bearer KEY"}, 401)
        try:
            parcel = msgspec.json.decode(await request.body(), type=Parcel)
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, 422)
        number = number_of(parcel.reference)
        self._shipped.setdefault(number, time.time())
        answer = {"carrier": CARRIER, "tracking_number": number}
        return await self._carried_out(parcel.reference, answer)

    async def track(self, request: Request) -> Response:
        """The status of a parcel."""
        since = self._shipped.get(request.path_params["number"])
        if since is None:
            return JSONResponse({"error": "there is no such parcel"}, 404)
        age = time.time() - since
        status = next((status for until, status in _ON_ITS_WAY if age < until), "delivered")
        return JSONResponse({"carrier": CARRIER, "status": status})

    async def deliveries(self, request: Request) -> Response:  # noqa: ARG002
        """The requests, and what was done."""
        return JSONResponse({"asked": self._deliveries.asked, "done": self._deliveries.done})

    async def _carried_out(self, key: str, answer: Mapping[str, Any]) -> Response:
        faults = self._deliveries.faults
        fault, answer = self._deliveries.ask(key, answer)
        await asyncio.sleep(faults.hang_seconds if fault is Fault.HANG else faults.takes_seconds)
        if fault is None or fault is Fault.HANG:
            return JSONResponse(answer, 201)
        return JSONResponse({"error": f"simulated: {fault}"}, _STATUS[fault])


def application(deliveries: Deliveries, secrets: Sequence[str], carrier_key: str) -> Starlette:
    """The partners as an ASGI application."""
    partners = Partners(deliveries, secrets, carrier_key)
    return Starlette(
        routes=[
            Route("/credit", partners.account, methods=["POST"]),
            Route("/cash", partners.account, methods=["POST"]),
            Route("/v1/shipments", partners.ship, methods=["POST"]),
            Route("/v1/shipments/{number}", partners.track),
            Route("/v1/books", partners.deliveries),
            Route("/readyz", partners.deliveries),
        ]
    )
