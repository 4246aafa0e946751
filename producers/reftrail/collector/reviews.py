"""POST /v1/reviews: decisions of analysts, to the topic `reviews`."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from reftrail.code_lookup.known_codes import CodesReader
from reftrail.collector.accept import codes_named
from reftrail.collector.publisher import Message, Publisher
from reftrail.contracts.codec import encode
from reftrail.contracts.times import now
from reftrail.contracts.topics import REVIEWS
from reftrail.edge.api_keys import kind_in, require_secret_key
from reftrail.edge.requests import read_items
from reftrail.hosting.auth import ApiKeys
from reftrail.reviews import judged


@dataclass(frozen=True, slots=True)
class Reviews:
    """The route's handler, with all that it needs. patience: for Kafka's codes, in seconds."""

    keys: ApiKeys
    publisher: Publisher
    codes: CodesReader
    patience: float

    async def take(self, request: Request) -> Response:
        """Answers 202 once Kafka has the decisions that were well formed."""
        require_secret_key(kind_in(request, self.keys), "reviews need a secret key")
        items = await read_items(request, "reviews")
        await self.codes.know(codes_named(items), self.patience)
        taken, rejected = judged(items, now(), self.codes.spelling)
        await self.publisher.publish([Message(REVIEWS.key_of(one), encode(one)) for one in taken])
        body = {"accepted": len(taken), "rejected": rejected}
        return Response(msgspec.json.encode(body), 202, media_type="application/json")
