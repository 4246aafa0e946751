"""POST /v1/reviews: decisions of analysts, to the topic `reviews`."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from reftrail.collector.accept import codes_named
from reftrail.collector.interfaces import CodeTable, Message, MessageWriter
from reftrail.contracts.codec import encode
from reftrail.contracts.times import now
from reftrail.contracts.topics import REVIEWS
from reftrail.edge.authorization import caller_of
from reftrail.edge.requests import read_items
from reftrail.hosting.json_answer import json_answer
from reftrail.reviews import judged


@dataclass(frozen=True, slots=True)
class Reviews:
    """The route's handler, with all that it needs. patience: for Kafka's codes, in seconds."""

    publisher: MessageWriter
    codes: CodeTable
    patience: float

    async def take(self, request: Request) -> Response:
        """Answers 202 once Kafka has the decisions that were well formed."""
        items = await read_items(request, "reviews")
        await self.codes.know(codes_named(items), self.patience)
        taken, rejected = judged(items, now(), caller_of(request).name, self.codes.spelling)
        await self.publisher.publish(
            [Message(REVIEWS.key_of(review), encode(review)) for review in taken]
        )
        body = {"accepted": len(taken), "rejected": rejected}
        return json_answer(body, 202)
