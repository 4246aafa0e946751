"""Handlers of the collector's routes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from reftrail.code_lookup.facts import NOT_LOOKED_UP, CodeFacts, CodeLookup
from reftrail.collector.accept import (
    Acceptance,
    Accepted,
    Circumstances,
    Sender,
    recorded,
)
from reftrail.collector.adjustments import Adjustments
from reftrail.collector.clock import clock_skew
from reftrail.collector.dimensions import Dimensions
from reftrail.collector.event_batches import read_events, refused_sent_at
from reftrail.collector.event_rows import encode_row
from reftrail.collector.examination import Examined, Submitted, examine, merged
from reftrail.collector.interfaces import (
    CodeTable,
    Message,
    MessagePublisher,
    OwnerRenewal,
    Signals,
)
from reftrail.collector.limits import EventLimits, Payer
from reftrail.collector.matching import Matching
from reftrail.collector.metrics import CollectorMetrics
from reftrail.collector.repeated_requests import RepeatedRequests
from reftrail.collector.reviews import Reviews
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.edge.api_keys import Caller
from reftrail.edge.authorization import Authorization, admitted, caller_of
from reftrail.edge.http_errors import RequestRefused, Unavailable
from reftrail.edge.pace import paced
from reftrail.edge.pseudonyms import Pseudonyms
from reftrail.edge.requests import (
    client_address,
    prefetched,
    user_agent_of,
)
from reftrail.hosting.health import ready_unless
from reftrail.hosting.json_answer import json_answer, prepared

if TYPE_CHECKING:
    from reftrail.codes_api import CodesApi

T = TypeVar("T")

_READY_SECONDS: Final = 2.0
_EXAMINED_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Collector:
    """The routes' handlers, with all that they need."""

    settings: CollectorSettings
    authorization: Authorization
    limits: EventLimits
    pseudonyms: Pseudonyms
    codes: CodeTable
    publisher: MessagePublisher
    metrics: CollectorMetrics
    codes_api: "CodesApi | None"
    reviews: Reviews
    adjustments: Adjustments
    renewal: OwnerRenewal
    matching: Matching
    dimensions: Dimensions = field(default_factory=Dimensions)
    repeated: RepeatedRequests = field(default_factory=RepeatedRequests)
    unfinished: set[asyncio.Task[None]] = field(default_factory=set)
    """Work that goes on after its answer: clicks of visitors redirected already, renewals."""

    async def events(self, request: Request) -> Response:
        """POST /v1/events."""
        (items, sent_at), caller, payer = await self.admit_and_read(request, read_events)
        sender = self.sender(request, caller)
        payer.pay(len(items))
        self.repeated.check(sender.idempotency_key, items)
        skew = 0 if sent_at is None else _skew(sent_at)
        outcome = await self.take(items, sender, skew, payer.address)
        self.repeated.remember(sender.idempotency_key, items)
        if outcome.rejected or outcome.clock_skew is not None:
            return json_answer(_taken(outcome), 202)
        return all_taken(len(outcome.accepted))

    async def take(
        self, items: list[Any], sender: Sender, skew: Millis = 0, payer: str = ""
    ) -> Acceptance:
        """Judge events of any JSON type, and return when Kafka has those that are accepted.

        payer is the address that pays for guesses at codes, if any does. Raises `Unavailable`.
        """
        outcome = await self._accepted(items, sender, skew, payer)
        await self.publish(outcome.accepted)
        if outcome.rejected:
            self.metrics.count_rejected(outcome.rejected)
        return outcome

    async def admit_and_read(
        self,
        request: Request,
        read: Callable[[Request, Callable[[object], None]], Coroutine[Any, Any, T]],
    ) -> tuple[T, Caller, Payer]:
        """The content of a request as it is read, its sender, and who pays for it.

        read gives the key in the body, if there is one, to its second argument. A body that can't
        be read has no key, as if it were wrong: without one the request is refused for that,
        whatever else is wrong with what was read.
        """
        caller = admitted(request)
        if caller is None:
            self.limits.check_address(request)
        payer = None if caller is None else self.limits.admit(request, caller)
        try:
            content = await read(request, partial(self.authorization.admit_by_body, request))
        except RequestRefused as error:
            try:
                self.authorization.admit_by_body(request, None)
            except RequestRefused as keyless:
                if error.status == 400 or keyless.status == 429:
                    raise keyless from error
            raise
        if caller is None or payer is None:
            caller = caller_of(request)
            payer = self.limits.admit(request, caller)
        return content, caller, payer

    async def _accepted(
        self, items: list[Any], sender: Sender, skew: Millis, payer: str
    ) -> Acceptance:
        """The outcome of a request. Raises `Unavailable` if nobody knows its codes.

        payer is the address that pays for guesses at them, if any does.
        """
        at = now()

        def examined_from(first: int) -> Examined:
            part = items[first : first + _EXAMINED_AT_ONCE]
            return examine(part, sender.kind, at, skew, first=first)

        if len(items) <= _EXAMINED_AT_ONCE:
            examined = examined_from(0)
        else:
            parts = range(0, len(items), _EXAMINED_AT_ONCE)
            examined = merged(await paced(map(examined_from, parts)))
        if examined.submitted and (refusal := self.publisher.refusal) is not None:
            if self.publisher.spooled is not None:
                self.metrics.spool_refused.inc(len(examined.submitted))
            raise Unavailable(refusal)  # at once: nothing that waits is held in memory
        codes = examined.codes
        if codes:
            self.limits.admit_codes(payer)
        lookup = await self._lookup_of(codes)
        if not self.renewal.is_idle:
            await self.renew_owners(examined.submitted, sender)
        circumstances = Circumstances(sender, at, self.pseudonyms, lookup, skew)
        if len(examined.submitted) == 1:  # as in most requests
            accepted = [recorded(examined.submitted[0], circumstances)]
        else:
            step = partial(recorded, circumstances=circumstances)
            accepted = await paced(map(step, examined.submitted))
        if sender.kind is KeyKind.PUBLISHABLE:
            self.bound(sender.name, examined.submitted, accepted)
        self.limits.charge_guesses(payer, guesses(accepted))
        return Acceptance(accepted, examined.rejected)

    async def _lookup_of(self, codes: set[str]) -> CodeLookup:
        """The lookup of codes. Raises `Unavailable`.

        Where events are spooled a code that isn't in the table is one that nobody could look up:
        it may have been registered a moment ago.
        """
        spools = self.publisher.spooled is not None
        if not (spools and self.publisher.is_away):
            try:
                await self.codes.know(codes, self.settings.ack_timeout_seconds)
            except Unavailable:
                if not spools:
                    raise
            else:
                return self.codes.lookup
        return partial(as_far_as_known, self.codes.lookup)

    async def renew_owners(self, submitted: Sequence[Submitted], sender: Sender) -> None:
        """Renew owners' hashes while the hash key is changed; events that may earn wait for it.

        Others don't: the time of an answer would tell a page whose e-mail is an owner's.
        """
        if self.renewal.is_idle:
            return
        is_published = sender.kind is KeyKind.PUBLISHABLE
        seen = [
            Signals(
                sent.event.device_id, sender.ip if is_published else sent.event.ip, sent.event.email
            )
            for sent in submitted
        ]
        renewing = asyncio.create_task(self.renewal.renew(seen))
        self.unfinished.add(renewing)
        renewing.add_done_callback(self.unfinished.discard)
        if not is_published:
            await asyncio.shield(renewing)

    def bound(self, key: str, submitted: list[Submitted], accepted: list[Accepted]) -> None:
        """Fold what a publishable key, or links, make up, and count what a key may not name."""
        for sent, event in zip(submitted, accepted, strict=True):
            folded = self.dimensions.fold(key, sent.event, event.row, self.codes.names_value)
            for name in folded:
                self.metrics.folded.labels(name).inc()
            if event.guess is not None and event.row.code is None:
                self.metrics.codes_not_for_key.inc()

    async def readiness(self) -> Mapping[str, Any]:
        """Ready while Kafka answers and the codes are read to their end.

        With a spool, while there is room in it; the answer says how much is in it.
        """
        backlog = self.publisher.spooled
        if backlog is None or not self.publisher.is_away:
            try:
                await self.codes.refresh(_READY_SECONDS)
            except Unavailable as error:
                if backlog is None:
                    return ready_unless(str(error))
        if not self.authorization.keys.is_complete:
            return ready_unless("API keys are not read yet")
        answer = ready_unless(self.publisher.refusal)
        if backlog is None:
            return answer
        return {**answer, "kafka": not self.publisher.is_away, "spooled": backlog._asdict()}

    def sender(self, request: Request, caller: Caller) -> Sender:
        """The sender of a request that was let in, and whose address it shows."""
        again = request.headers.get("idempotency-key")
        scope = sha256(f"{caller.name}\0{again}".encode()).hexdigest() if again else None
        if caller.is_secret:  # a server's connection says nothing of the visitor
            return Sender(
                caller.kind, prefetch=prefetched(request), idempotency_key=scope, name=caller.name
            )
        visitor = self.visitor(request, caller.kind, scope)
        return visitor._replace(name=caller.name, campaigns=caller.campaigns)

    def visitor(
        self, request: Request, kind: KeyKind = KeyKind.PUBLISHABLE, again: str | None = None
    ) -> Sender:
        """The sender of a request without a key. again is the scope of its Idempotency-Key."""
        return Sender(
            kind,
            ip=client_address(request, self.settings.proxies),
            user_agent=user_agent_of(request),
            prefetch=prefetched(request),
            idempotency_key=again,
        )

    async def publish(self, accepted: list[Accepted]) -> None:
        """Return when Kafka has them all. Raises `Unavailable`."""
        if len(accepted) == 1:  # as in most requests
            (event,) = accepted
            await self.publisher.publish((Message(event.key, encode_row(event.row)),))
            self.metrics.count_one_accepted(event.row.type)
            return
        await self.publisher.publish(await paced(map(_message, accepted)))
        self.metrics.count_accepted([event.row.type for event in accepted])


def as_far_as_known(lookup: CodeLookup, text: str) -> CodeFacts:
    """The facts about a code by a table that may lack it."""
    facts = lookup(text)
    if facts is None or not facts.known:
        return NOT_LOOKED_UP if facts is None else facts._replace(known=None, evidence=None)
    return facts


def _message(event: Accepted) -> Message:
    return Message(event.key, encode_row(event.row))


def guesses(accepted: list[Accepted]) -> Iterator[str]:
    """The codes that nobody knows, or that aren't for the key."""
    return (event.guess for event in accepted if event.guess is not None)


def _skew(sent_at: Millis) -> Millis:
    """Read as soon as a request is: what it waits for afterwards is none of its clock's doing."""
    try:
        return clock_skew(sent_at, now())
    except ValueError as error:
        raise refused_sent_at(str(error)) from error


def _taken(outcome: Acceptance) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "accepted": len(outcome.accepted),
        "rejected": outcome.rejected,
    }
    if outcome.clock_skew is not None:
        answer["clock_skew_ms"] = outcome.clock_skew
    return answer


all_taken: Final = prepared(lambda accepted: {"accepted": accepted, "rejected": []}, 202)
"""The answer where so many events, and all, are accepted."""
