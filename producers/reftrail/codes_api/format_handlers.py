"""Handlers of the routes for formats of codes. All need a secret key."""

from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from reftrail.codes_api import models
from reftrail.codes_api.authorization import Admission
from reftrail.codes_api.mutations import Act, acted
from reftrail.codes_api.request_parsing import by, parsed
from reftrail.codes_api.responses import format_answer
from reftrail.codes_api.store_access import Backend, Opened
from reftrail.edge.requests import read_body


@dataclass(frozen=True, slots=True)
class FormatHandlers:
    """The handlers, with all that they need."""

    admission: Admission
    backend: Backend

    async def formats(self, request: Request) -> Response:
        """GET /v1/code-formats."""
        self.admission.admit(request)
        found = await self.backend.run(lambda opened: opened.service.formats())
        return Response(
            msgspec.json.encode({"formats": [format_answer(format_) for format_ in found]}),
            media_type="application/json",
        )

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
