"""POST /v1/match: by which click an app was installed, as far as that can be told.

Exact is what the app shows: a signed click, or the install referrer of the Play store. Else there
may be a guess, which names a code for the app to ask about, and earns nobody anything.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from reftrail.collector.accept import Accepted, Circumstances, Sender, recorded
from reftrail.collector.destinations import CODE_PARAMETER, SIGNED_PARAMETER
from reftrail.collector.examination import Submitted
from reftrail.collector.http import Collector, guesses
from reftrail.collector.matching import match_id
from reftrail.collector.recent_clicks import MOST_CANDIDATES
from reftrail.collector.signed_clicks import LONGEST_SIGNED, VALID_FOR, SignedClick
from reftrail.collector.submission import MATCH_PROPERTY, validate_all
from reftrail.contracts.api_keys import Scope
from reftrail.contracts.code_spelling import is_code, spelled
from reftrail.contracts.matches import LinkClicked, MatchKind
from reftrail.contracts.names import NAME_SAYS
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.times import now, rfc3339
from reftrail.edge.api_keys import Caller
from reftrail.edge.authorization import caller_of
from reftrail.edge.devices import Device
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.model_fields import Name, explained
from reftrail.edge.requests import BODY_SECONDS, MAX_BYTES, read_body, read_json
from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.routes import Access, Endpoint, Parameter

_LONGEST_REFERRER: Final = 4096
_EXPECTED: Final = {
    "visitor_id": f"the id that the app made for itself: {NAME_SAYS}",
    "signed_click": f"the value of {SIGNED_PARAMETER}, at most {LONGEST_SIGNED} characters",
    "referrer": f"the install referrer as the Play store gave it, at most {_LONGEST_REFERRER} "
    "characters",
    "os": "android or ios",
    "device": "phone or tablet",
}


class Match(BaseModel):
    """An app's knowledge of its install, at its first start.

    Without os and device there is no guess.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    visitor_id: Annotated[Name, Field(description="The id that the app made for itself.")]
    signed_click: Annotated[
        Annotated[str, Field(min_length=1, max_length=LONGEST_SIGNED)] | None,
        Field(description=f"The value of {SIGNED_PARAMETER}, of a link that opened the app."),
    ] = None
    referrer: Annotated[
        Annotated[str, Field(max_length=_LONGEST_REFERRER)] | None,
        Field(description="The install referrer, as the Play store gave it to the app."),
    ] = None
    os: Literal["android", "ios"] | None = None
    device: Literal["phone", "tablet"] | None = None


_ANSWER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["match"],
    "properties": {
        "match": {
            "enum": ["exact", "guess", "none"],
            "description": "exact: a click of the visitor is recorded. guess: ask the person "
            "whether the code is right; it counts for nothing until the signup names it.",
        },
        "by": {"enum": ["click", "referrer", "address"], "description": "What showed it."},
        "code": {"type": "string"},
        "clicked_at": {
            "type": "string",
            "format": "date-time",
            "description": "When the link was clicked, where that is known.",
        },
    },
}


def endpoint(collector: Collector) -> Endpoint:
    """The row of the table."""

    async def match(request: Request) -> Response:
        return await _match(collector, request)

    return Endpoint(
        "POST",
        "/v1/match",
        match,
        "By which click an app was installed: exactly, by a guess, or not at all.",
        Access((Scope.EVENTS_WRITE,), publishable=True),
        bodies=(Match,),
        parameters=(Parameter("X-Reftrail-App", "header", "The app's id, for a key of apps."),),
        errors={
            400: "The body is not JSON, or no object.",
            401: "No known key.",
            403: "A key of other origins or apps, or without the scope.",
            408: f"The body has not arrived within {BODY_SECONDS:g} s.",
            413: f"More than {MAX_BYTES} bytes.",
            415: "The body is compressed, and neither by gzip nor by zstd.",
            422: "A field isn't known, or can't be so; pointer says which.",
            429: "Too many requests, or clicks that nobody signed; ask again after Retry-After.",
            503: "Kafka doesn't take it; ask again after Retry-After.",
        },
        answer=_ANSWER,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """An outcome, as it is answered and counted. source is what its event's id follows from."""

    outcome: str
    kind: MatchKind | None = None
    by: str | None = None
    code: str = ""
    clicked_at: Millis | None = None
    source: str = ""

    @property
    def answer(self) -> dict[str, Any]:
        if self.kind is None:
            return {"match": "none"}
        found = {"match": self.kind.value, "by": self.by, "code": self.code}
        if self.clicked_at is not None:
            found["clicked_at"] = rfc3339(self.clicked_at)
        return found


class _Question:
    """One request: the app's visitor, who asks for it, and who pays for codes that are made up."""

    def __init__(self, collector: Collector, asked: Match, caller: Caller, sender: Sender) -> None:
        self.collector = collector
        self.asked = asked
        self.caller = caller
        # An app's user agent is that of a library; and no browser's, which would tell of a device.
        self.sender = sender._replace(user_agent=None, idempotency_key=None)
        self.at = now()
        named = dict(parse_qsl(asked.referrer or ""))
        self.code = spelled(named.get(CODE_PARAMETER, ""))
        self.signed = asked.signed_click or named.get(SIGNED_PARAMETER)

    async def found(self, payer: str) -> _Found:
        """The click or code that the app was installed by, if that is known; it is written then."""
        forged = False
        if self.signed is not None:
            click = self.collector.matching.signer.read(self.signed)
            if click is not None:
                return await self._by_click(click)
            forged = True
            self.collector.limits.charge_guesses(payer, [self.signed])
        if is_code(self.code):
            return await self._by_referrer(payer)
        guessed = await self._guess()
        return replace(guessed, outcome="forged") if forged and guessed.kind is None else guessed

    async def _by_click(self, click: SignedClick) -> _Found:
        if not self.at - VALID_FOR <= click.at <= self.at + DAY:
            return _Found("too_old")
        if not await self._is_ours(click.code):
            return _Found("other_campaign")
        if not await self._claim(click, MatchKind.EXACT):
            return _Found("taken")
        found = _Found("click", MatchKind.EXACT, "click", click.code, click.at, click.key)
        await self._write(
            found,
            {
                "type": "click",
                "code": click.code,
                "event_time": rfc3339(min(click.at, self.at)),
            },
        )
        return found

    async def _by_referrer(self, payer: str) -> _Found:
        """A code in the install referrer that no click of ours stands behind.

        It is worth what a code in a page's address is: a click, by the app's word.
        """
        if not await self._is_ours(self.code):
            self.collector.limits.charge_guesses(payer, [self.collector.codes.spelling(self.code)])
            return _Found("other_campaign")
        source = f"referrer\0{self.code}"
        found = _Found("referrer", MatchKind.EXACT, "referrer", self.code, source=source)
        await self._write(found, {"type": "click", "code": self.code}, payer)
        return found

    async def _guess(self) -> _Found:
        """The code of the one candidate. The event of a guess has no code: it can't be a touch."""
        asked, ip = self.asked, self.sender.ip
        if asked.os is None or asked.device is None or ip is None or self.caller.is_secret:
            return _Found("none")
        matching = self.collector.matching
        holder = matching.tables.matched.holder
        clicks = await matching.recent(ip, Device(asked.os, asked.device))
        if len(clicks) > MOST_CANDIDATES:
            return _Found("several")
        own = [click for click in clicks if holder(click.click_key) == asked.visitor_id]
        free = [
            click
            for click in clicks
            if holder(click.click_key) is None and await self._is_ours(click.code)
        ]
        if not own and len({self.collector.codes.spelling(click.code) for click in free}) > 1:
            return _Found("several")
        for candidate in own or free:
            click = _signed(candidate)
            if await self._claim(click, MatchKind.GUESS):
                # The app may show the click later: that is another event.
                source = f"guess\0{click.key}"
                found = _Found("guess", MatchKind.GUESS, "address", click.code, click.at, source)
                await self._write(found, {"type": "view"})
                return found
        return _Found("none")

    async def _claim(self, click: SignedClick, kind: MatchKind) -> bool:
        return await self.collector.matching.claim(click, self.asked.visitor_id, kind, self.at)

    async def _is_ours(self, code: str) -> bool:
        """Whether the key may name a code: it is of one of the key's campaigns, if it has any."""
        if not self.caller.campaigns:
            return True
        await self.collector.codes.know([code], self.collector.matching.patience)
        return self.collector.codes.lookup(code).campaign_id in self.caller.campaigns

    async def _write(self, found: _Found, fields: dict[str, Any], payer: str = "") -> None:
        """Write the event of a match, with what it rests on. Raises `Unavailable`."""
        visitor_id = self.asked.visitor_id
        item = {"visitor_id": visitor_id, "event_id": match_id(found.source, visitor_id)} | fields
        (event,) = validate_all([item])
        if event.code is not None:
            await self.collector.codes.know([event.code], self.collector.matching.patience)
        circumstances = Circumstances(
            self.sender, self.at, self.collector.pseudonyms, self.collector.codes.lookup
        )
        submitted = Submitted(0, event, item)
        await self.collector.renew_owners([submitted], self.sender)
        accepted = recorded(submitted, circumstances)
        evidence = msgspec.json.encode({MATCH_PROPERTY: found.answer}).decode()
        row = msgspec.structs.replace(accepted.row, properties=evidence)
        written = Accepted(accepted.key, row, accepted.guess)
        self.collector.limits.charge_guesses(payer, guesses([written]))
        await self.collector.publish([written])


def _signed(clicked: LinkClicked) -> SignedClick:
    """A click as its signature would have it."""
    click_id, _, _ = clicked.click_key.partition(".")
    return SignedClick(click_id, clicked.event_time, clicked.code)


async def _match(collector: Collector, request: Request) -> Response:
    caller = caller_of(request)
    payer = collector.limits.admit(request, caller).address
    asked = _read(read_json(await read_body(request)))
    collector.limits.admit_codes(payer)
    question = _Question(collector, asked, caller, collector.sender(request, caller))
    found = await question.found(payer)
    collector.metrics.matches.labels(found.outcome).inc()
    return json_answer(found.answer, 200)


def _read(parsed: object) -> Match:
    if not isinstance(parsed, dict):
        raise RequestRefused(400, f"expected a JSON object with {', '.join(_EXPECTED)}")
    try:
        return Match.model_validate(parsed)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        pointer, reason = explained(fault, _EXPECTED, "a match")
        raise RequestRefused(422, f"{pointer[1:]} {reason}".strip(), pointer=pointer) from error
