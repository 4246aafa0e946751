"""POST /v1/adjustments and /v1/adjustments/decisions: to the topic `adjustments`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from reftrail.adjustments import adjustments, decisions
from reftrail.collector.accept import codes_named
from reftrail.collector.interfaces import (
    AdjustmentTable,
    CodeTable,
    Message,
    MessageWriter,
)
from reftrail.contracts.codec import encode
from reftrail.contracts.record import Record
from reftrail.contracts.times import now
from reftrail.contracts.topics import ADJUSTMENTS
from reftrail.edge.authorization import caller_of
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.rejections import Rejection
from reftrail.edge.requests import read_items
from reftrail.hosting.json_answer import json_answer


@dataclass(frozen=True, slots=True)
class Adjustments:
    """The routes' handlers, with all that they need. patience: for Kafka, in seconds."""

    publisher: MessageWriter
    codes: CodeTable
    reader: AdjustmentTable
    patience: float

    async def take(self, request: Request) -> Response:
        """Answer 202 once Kafka has the adjustments that were well formed.

        None is taken if one has the id of another one that was sent before, or in this request.
        """
        items = await self._items(request, "adjustments")
        taken, rejected = adjustments(items, now(), caller_of(request).name, self.codes.spelling)
        if taken:
            await self.reader.refresh(self.patience)
        other = self.reader.known.another(taken)
        if other is not None:
            raise RequestRefused(
                422,
                f"{other.adjustment_id} is the adjustment_id of another adjustment; nothing of "
                f"this request was taken; give this one an id of its own",
                pointer="/adjustment_id",
            )
        return await self._answer(taken, rejected)

    async def decide(self, request: Request) -> Response:
        """Answer 202 once Kafka has the decisions that were well formed."""
        items = await self._items(request, "decisions")
        by = caller_of(request).name
        return await self._answer(*decisions(items, now(), by, self.codes.spelling))

    async def _items(self, request: Request, name: str) -> list[Any]:
        items = await read_items(request, name)
        await self.codes.know(codes_named(items), self.patience)
        return items

    async def _answer(self, taken: Sequence[Record], rejected: list[Rejection]) -> Response:
        await self.publisher.publish(
            [Message(ADJUSTMENTS.key_of(record), encode(record)) for record in taken]
        )
        body = {"accepted": len(taken), "rejected": rejected}
        return json_answer(body, 202)
