"""Answers to requests: each handler's, or a problem, counted and timed."""

import logging
import time
from typing import Final

import uuid_utils
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reftrail.collector.http import Collector
from reftrail.edge.http_errors import RequestRefused, Unavailable, refused
from reftrail.edge.requests import end, let_go
from reftrail.hosting.problems import problem
from reftrail.hosting.routes import Endpoint, Handler

logger = logging.getLogger(__name__)

_RETRY_AFTER: Final = "2"
_NOT_ANSWERED: Final = 500
_BAD_REQUEST: Final = 400


def answering(endpoint: Endpoint, collector: Collector) -> Handler:
    """A handler of those let in whose every way to end is an answer, counted and timed."""
    metrics = collector.metrics

    async def answer(request: Request) -> Response:
        began = time.perf_counter()
        metrics.answering += 1
        status = _NOT_ANSWERED
        try:
            try:
                collector.authorization.admit(request, endpoint.access)
                response = await endpoint.handler(request)
            except Exception as error:  # noqa: BLE001  each is answered
                response = answer_to(error)
            status = response.status_code
            if status >= _BAD_REQUEST:
                await end(request, response)
        finally:
            let_go(request)
            metrics.answering -= 1
            metrics.request_seconds(endpoint.path, status).observe(time.perf_counter() - began)
        return response

    return answer


def answer_to(error: Exception) -> Response:
    """The answer to a request that an error has ended."""
    match error:
        case RequestRefused():
            return refused(error)
        case Unavailable():
            message = f"{error}; send the whole request again, with the same event_ids"
            return problem(503, message, {"retry-after": _RETRY_AFTER})
        case ClientDisconnect():
            return problem(400, "the connection ended before the body did")
    error_id = str(uuid_utils.uuid7())
    logger.error("error %s", error_id, exc_info=error)
    message = (
        "unexpected; the log tells more under this id. It may have been done: send events "
        "again with the same event_ids, anything else with the same Idempotency-Key"
    )
    return problem(500, message, instance=f"urn:uuid:{error_id}")
