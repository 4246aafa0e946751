"""Handlers of the routes for codes. All need a secret key but `verify`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from reftrail.codes.links import drawn_qr, landing_link
from reftrail.codes.model import Answer, By, Code, Verification
from reftrail.codes.service import CodeService
from reftrail.codes_api import issuing, models
from reftrail.codes_api.authorization import Admission, Caller
from reftrail.codes_api.campaigns import KnownCampaigns
from reftrail.codes_api.metrics import CodesApiMetrics
from reftrail.codes_api.mutations import Act, acted
from reftrail.codes_api.request_parsing import by, parsed, queried
from reftrail.codes_api.responses import (
    act_answer,
    code_answer,
    derived_answer,
    format_answer,
    verification_answer,
    with_counters,
)
from reftrail.codes_api.store_access import Backend, Opened
from reftrail.codes_api.usage_counters import CounterSource
from reftrail.codes_api.verification import Verifier, end_of_slot
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.times import now
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.pseudonyms import Pseudonyms
from reftrail.edge.requests import read_body

M = TypeVar("M", bound=models.Reasoned)

_LONGEST_CODE = 128


@dataclass(frozen=True, slots=True)
class CodesApi:
    """The handlers, with all that they need."""

    admission: Admission
    backend: Backend
    counters: CounterSource
    verifier: Verifier
    campaigns: KnownCampaigns
    hashes: Pseudonyms
    landing_url: str | None
    metrics: CodesApiMetrics

    async def close(self) -> None:
        """End what runs, and disconnect."""
        await self.counters.close()
        await self.backend.close()

    async def verify(self, request: Request) -> Response:
        """POST /v1/codes/verify."""
        began = time.monotonic()
        caller = self.admission.admit(request, published=True)
        asked = parsed(models.Verify, await read_body(request))
        if caller.is_secret:
            found = await self.verifier.verify(asked)
            if found.answer is Answer.FORGED:
                self.admission.charge_forged(caller)
            answer = verification_answer(found, now(), self.landing_url)
            label = str(found.answer)
        else:
            found = await self._verified_for_all(caller, asked, began)
            answer = {"valid": found.is_valid}
            # Everybody who reaches this port may read metrics: they say no more than the answer.
            label = "valid" if found.is_valid else "not valid"
        self.metrics.verified.labels(label, caller.kind).inc()
        return _json(answer)

    async def _verified_for_all(
        self, caller: Caller, asked: models.Verify, began: float
    ) -> Verification:
        """Under a publishable key. Guesses are paid for first, since many may come at once."""
        self.admission.charge_guess(caller)
        try:
            found = await self.verifier.verify(asked, published=True)
            if found.is_valid:
                self.admission.refund_guess(caller)
            return found
        finally:
            await end_of_slot(began)

    async def issue(self, request: Request) -> Response:
        """POST /v1/codes."""
        self.admission.admit(request)
        body = await read_body(request)
        asked = issuing.issue_body(body)
        who = by(request, asked.reason)
        await self.campaigns.check(asked)

        def issue(opened: Opened) -> dict[str, Any]:
            if isinstance(asked, models.IssueDerived):
                return {"codes": self._issue_derived(opened.service, asked, who)}
            codes = issuing.issue(opened.service, asked, who, self.hashes)
            return {"codes": [self._answer(code) for code in codes]}

        return await acted(self.backend, request, body, Act(issue, status=201, is_long=True))

    async def find(self, request: Request) -> Response:
        """GET /v1/codes/{code}."""
        self.admission.admit(request)
        found = await self._find(_code(request))
        return _json(with_counters(found, await self.counters.of(found["code"])))

    async def list_codes(self, request: Request) -> Response:
        """GET /v1/codes."""
        self.admission.admit(request)
        asked = queried(request, models.Listing)

        def page(opened: Opened) -> bytes:
            found = opened.service.page(asked.filter(), cursor=asked.cursor, limit=asked.limit)
            codes = [self._answer(code) for code in found.codes]
            return msgspec.json.encode({"codes": codes, "next_cursor": found.next_cursor})

        return Response(await self.backend.run_long(page), media_type="application/json")

    async def audit(self, request: Request) -> Response:
        """GET /v1/codes/{code}/audit."""
        self.admission.admit(request)
        code = (await self._find(_code(request)))["code"]
        acts = await self.backend.run(lambda opened: opened.service.audit(code))
        return _json({"code": code, "acts": [act_answer(act) for act in acts]})

    async def picture(self, request: Request) -> Response:
        """GET /v1/codes/{code}/qr.png and .svg."""
        self.admission.admit(request)
        code = (await self._find(_code(request)))["code"]
        page = request.query_params.get("url", self.landing_url)
        if page is None:
            raise RequestRefused(
                422,
                "say where the code is to lead: ?url=https://shop.example/start, or set "
                "REFTRAIL_LANDING_URL",
                pointer="/url",
            )
        try:
            link = landing_link(page, code)
        except ExpectedError as error:
            raise RequestRefused(422, str(error), pointer="/url") from error
        kind = request.url.path.rpartition(".")[2]
        media_type = {"png": "image/png", "svg": "image/svg+xml"}[kind]
        return Response(drawn_qr(link, kind), media_type=media_type)

    async def bind(self, request: Request) -> Response:
        """POST /v1/codes/{code}/bind."""

        def bind(service: CodeService, code: str, who: By, asked: models.Bind) -> Code:
            record = (asked.record.kind, asked.record.id) if asked.record else None
            return service.bind(code, who, owner_user_id=asked.owner_user_id, record=record)

        return await self._act(request, models.Bind, bind)

    async def distribute(self, request: Request) -> Response:
        """POST /v1/codes/{code}/distribute."""

        def distribute(service: CodeService, code: str, who: By, asked: models.Distribute) -> Code:
            return service.distribute(code, who, channel=asked.channel, count=asked.count)

        return await self._act(request, models.Distribute, distribute)

    async def suspend(self, request: Request) -> Response:
        """POST /v1/codes/{code}/suspend."""
        return await self._act(request, models.Reasoned, lambda s, c, who, _: s.suspend(c, who))

    async def reactivate(self, request: Request) -> Response:
        """POST /v1/codes/{code}/reactivate."""
        return await self._act(request, models.Reasoned, lambda s, c, who, _: s.reactivate(c, who))

    async def revoke(self, request: Request) -> Response:
        """POST /v1/codes/{code}/revoke."""
        return await self._act(request, models.Reasoned, lambda s, c, who, _: s.revoke(c, who))

    async def expire(self, request: Request) -> Response:
        """POST /v1/codes/{code}/expire."""
        return await self._act(request, models.Reasoned, lambda s, c, who, _: s.expire(c, who))

    async def change(self, request: Request) -> Response:
        """PATCH /v1/codes/{code}."""

        def change(service: CodeService, code: str, who: By, asked: models.Change) -> Code:
            return service.change(code, who, asked.changes())

        return await self._act(request, models.Change, change)

    async def reissue(self, request: Request) -> Response:
        """POST /v1/codes/{code}/reissue. The answer has no record."""
        self.admission.admit(request)
        body = await read_body(request)
        asked = parsed(models.Reissue, body)
        code, who = _code(request), by(request, asked.reason)

        def reissue(opened: Opened) -> dict[str, Any]:
            made = opened.service.reissue(code, who, format_name=asked.format)
            both = {"old": made.old, "code": made.new}
            return {name: self._answer(one.without_record()) for name, one in both.items()}

        return await acted(self.backend, request, body, Act(reissue))

    async def formats(self, request: Request) -> Response:
        """GET /v1/code-formats."""
        self.admission.admit(request)
        found = await self.backend.run(lambda opened: opened.service.formats())
        return _json({"formats": [format_answer(one) for one in found]})

    async def define_format(self, request: Request) -> Response:
        """PUT /v1/code-formats/{name}."""
        self.admission.admit(request)
        body = await read_body(request)
        asked = parsed(models.DefineFormat, body)
        terms, who = asked.terms(request.path_params["name"]), by(request, asked.reason)

        def define(opened: Opened) -> dict[str, Any]:
            return {"format": format_answer(opened.service.define_format(terms, who))}

        return await acted(self.backend, request, body, Act(define))

    async def retire_format(self, request: Request) -> Response:
        """POST /v1/code-formats/{name}/retire."""
        self.admission.admit(request)
        body = await read_body(request)
        who = by(request, parsed(models.Reasoned, body).reason)
        name = request.path_params["name"]

        def retire(opened: Opened) -> dict[str, Any]:
            return {"format": format_answer(opened.service.retire_format(name, who))}

        return await acted(self.backend, request, body, Act(retire))

    async def _act(
        self, request: Request, model: type[M], act: Callable[[CodeService, str, By, M], Code]
    ) -> Response:
        self.admission.admit(request)
        body = await read_body(request)
        asked = parsed(model, body)
        code, who = _code(request), by(request, asked.reason)

        def do(opened: Opened) -> dict[str, Any]:
            return {"code": self._answer(act(opened.service, code, who, asked))}

        return await acted(self.backend, request, body, Act(do))

    async def _find(self, typed: str) -> dict[str, Any]:
        """The answer about a code, found by its text, or as a person may have typed it."""

        def find(opened: Opened) -> dict[str, Any] | None:
            registered = opened.service.find(typed)
            if registered is None:
                read = opened.service.verify(typed)
                registered = read.registered
                if registered is None and read.is_valid and read.code is not None:
                    return derived_answer(
                        read.code, read.campaign_id, read.sequence, self.landing_url
                    )
            return None if registered is None else self._answer(registered)

        found = await self.backend.run(find)
        if found is None:
            raise RequestRefused(
                404, f"there is no code {typed}; POST /v1/codes/verify says what is wrong with it"
            )
        return found

    def _issue_derived(
        self, service: CodeService, asked: models.IssueDerived, who: By
    ) -> list[dict[str, Any]]:
        codes = issuing.issue_derived(service, asked, who)
        return [
            derived_answer(one.code, one.campaign_id, one.sequence, self.landing_url)
            for one in codes
        ]

    def _answer(self, code: Code) -> dict[str, Any]:
        return code_answer(code, now(), self.landing_url)


def _code(request: Request) -> str:
    code: str = request.path_params["code"]
    if len(code) > _LONGEST_CODE:
        raise RequestRefused(404, "there is no code as long as this")
    return code


def _json(body: BaseModel | dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
