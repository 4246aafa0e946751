"""Handlers of the routes for codes, their formats apart. All need a secret key but `verify`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from reftrail.codes.answers import Answer
from reftrail.codes.links import drawn_qr, landing_link
from reftrail.codes.model import By, Code
from reftrail.codes.service import CodeService
from reftrail.codes_api import issuing, models
from reftrail.codes_api.authorization import Admission, CodesCaller
from reftrail.codes_api.campaigns import KnownCampaigns
from reftrail.codes_api.metrics import CodesApiMetrics
from reftrail.codes_api.mutations import Act, acted
from reftrail.codes_api.request_parsing import by, parsed, queried
from reftrail.codes_api.responses import (
    act_answer,
    code_answer,
    derived_answer,
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
from reftrail.hosting.json_answer import json_answer

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
        caller = self.admission.admit(request)
        asked = parsed(models.Verify, await read_body(request))
        if caller.is_secret:
            found = await self.verifier.verify(asked)
            if found.answer is Answer.FORGED:
                self.admission.charge_forged(caller)
            answer = verification_answer(found, now(), self.landing_url)
            label = str(found.answer)
        else:
            is_valid = await self._verified_for_all(caller, asked, began)
            answer = {"valid": is_valid}
            # Everybody who reaches this port may read metrics: they say no more than the answer.
            label = "valid" if is_valid else "not valid"
        self.metrics.verified.labels(label, caller.kind).inc()
        return json_answer(answer)

    async def _verified_for_all(
        self, caller: CodesCaller, asked: models.Verify, began: float
    ) -> bool:
        """Whether a code is valid for a publishable key: not if it is of another campaign.

        Guesses are paid for first, since many may come at once.
        """
        self.admission.charge_guess(caller)
        try:
            found = await self.verifier.verify(asked, published=True)
            is_valid = found.is_valid and (
                not caller.campaigns or found.campaign_id in caller.campaigns
            )
            if is_valid:
                self.admission.refund_guess(caller)
            return is_valid
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
        return json_answer(with_counters(found, await self.counters.of(found["code"])))

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
        return json_answer({"code": code, "acts": [act_answer(act) for act in acts]})

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
            return {name: self._answer(code.without_record()) for name, code in both.items()}

        return await acted(self.backend, request, body, Act(reissue))

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
            derived_answer(code.code, code.campaign_id, code.sequence, self.landing_url)
            for code in codes
        ]

    def _answer(self, code: Code) -> dict[str, Any]:
        return code_answer(code, now(), self.landing_url)


def _code(request: Request) -> str:
    code: str = request.path_params["code"]
    if len(code) > _LONGEST_CODE:
        raise RequestRefused(404, "there is no code as long as this")
    return code
