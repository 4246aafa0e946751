"""Short way of the most frequent request: one usual event under a secret key.

It is taken in a single call, without request objects and a task, and answered when Kafka has it.
Everything it doesn't take as it is, right or wrong, goes the usual way (`http.Collector.events`),
by which alone a request is refused. Both ways judge by the same functions.
"""

from functools import partial
from time import perf_counter
from typing import Final

from starlette.datastructures import Headers

from reftrail.collector.accept import Circumstances, Sender, recorded
from reftrail.collector.answers import answer_to
from reftrail.collector.event_rows import encode_row
from reftrail.collector.examination import Submitted, refusal
from reftrail.collector.http import Collector, all_taken
from reftrail.collector.interfaces import Message, SettledCodes, SingleWriter
from reftrail.collector.usual_events import usual
from reftrail.contracts.api_keys import Scope
from reftrail.contracts.events import KeyKind
from reftrail.contracts.times import now
from reftrail.edge.api_keys import Caller
from reftrail.edge.bots import is_prefetch
from reftrail.edge.http_errors import RequestRefused, Unavailable
from reftrail.edge.requests import hold_bytes, read_json
from reftrail.hosting.json_answer import FixedAnswer
from reftrail.hosting.remembered_heads import Begin, Respond

_LARGEST: Final = 4096
"""Bytes of a body that may be one event's: more are a batch, or an event with many properties."""
_ROUTE: Final = "/v1/events"
_UNUSUAL: Final = ("content-encoding", "idempotency-key")
_TAKEN: Final = FixedAnswer(all_taken(1))


def single_events(collector: Collector) -> "SingleEvents | None":
    """The short way to a collector; None for one that spools, or where secret keys have a rate."""
    publisher, codes = collector.publisher, collector.codes
    if collector.limits.are_for_secrets or not isinstance(publisher, SingleWriter):
        return None
    return SingleEvents(collector, publisher, codes) if isinstance(codes, SettledCodes) else None


class SingleEvents:
    """The short way to a collector."""

    def __init__(self, collector: Collector, publisher: SingleWriter, codes: SettledCodes) -> None:
        self._keys = collector.authorization.keys
        self._renewal = collector.renewal
        self._pseudonyms = collector.pseudonyms
        self._metrics = collector.metrics
        self._publisher = publisher
        self._codes = codes

    def of_head(self, headers: Headers) -> Begin | None:
        """The beginning of requests with such headers, or None.

        What is remembered has the key of somebody who may send events: others, who may be
        anybody, would fill the places of heads. Whether the key is good is asked again each time.
        """
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or any(name in headers for name in _UNUSUAL):
            return None
        key = text.strip()
        if self._caller(key) is None:
            return None
        return partial(self._begin, key, is_prefetch(headers))

    def _begin(self, key: str, prefetch: bool, body: bytes, respond: Respond) -> bool:
        began = perf_counter()
        if len(body) > _LARGEST:
            return False
        try:
            taken = self._taken(key, body, prefetch=prefetch)
        except Exception:  # noqa: BLE001  the usual way meets it, too, and answers
            return False
        if taken is None or not hold_bytes(len(body)):
            return False
        kind, message = taken
        try:
            self._publisher.publish_one(
                message, partial(self._end, respond, began, kind, len(body))
            )
        except Unavailable:
            hold_bytes(-len(body))
            return False
        self._metrics.answering += 1
        return True

    def _caller(self, key: str) -> Caller | None:
        """The holder of a secret key under which events may be sent now."""
        caller = self._keys.find(key)
        may = caller is not None and caller.is_secret and Scope.EVENTS_WRITE in caller.scopes
        return caller if may else None

    def _taken(self, key: str, body: bytes, *, prefetch: bool) -> tuple[str, Message] | None:
        """The type and the record of an event; None of what isn't taken at once."""
        caller = self._caller(key)
        if caller is None:
            return None
        if not self._renewal.is_idle or self._publisher.refusal is not None:
            return None
        try:
            item = read_json(body)
        except RequestRefused:
            return None
        event, at = usual(item), now()
        if event is None or refusal(event, KeyKind.SECRET, at, 0) is not None:
            return None
        if not self._codes.knows(event.code):
            return None
        sender = Sender(caller.kind, prefetch=prefetch, name=caller.name)
        circumstances = Circumstances(sender, at, self._pseudonyms, self._codes.lookup, 0)
        accepted = recorded(Submitted(0, event, item), circumstances)
        return event.type, Message(accepted.key, encode_row(accepted.row))

    def _end(
        self, respond: Respond, began: float, kind: str, size: int, error: Exception | None
    ) -> None:
        """Answer, now that Kafka has the event, or may not have it."""
        hold_bytes(-size)
        self._metrics.answering -= 1
        response = _TAKEN if error is None else answer_to(error)
        if error is None:
            self._metrics.count_one_accepted(kind)
        seconds = perf_counter() - began
        self._metrics.request_seconds(_ROUTE, response.status_code).observe(seconds)
        respond(response)
