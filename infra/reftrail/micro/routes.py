"""Table of the routes at `/micro`, and the application: the collector's own with these beside."""

from dataclasses import asdict
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from reftrail.collector.routes import application
from reftrail.contracts.errors import ExpectedError
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.model_fields import Name
from reftrail.edge.requests import read_body, read_json
from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.routes import OPEN, Endpoint, Parameter
from reftrail.micro import decisions
from reftrail.micro.composition import CodeGiven, Given, MicroInstallation
from reftrail.micro.page import POLICY, page
from reftrail.micro.refusals import Refusals

_FROM_ELSEWHERE: Final = "A page of another site asks."
_USER: Final = Parameter("user_id", meaning="Of this user alone.")
_TYPE: Final = Parameter("type", meaning="Of this type alone, such as signup.")
_VISITOR: Final = Parameter("visitor_id", meaning="Of this visitor alone.")
_EVENT_FILTERS: Final = (_TYPE, _USER, _VISITOR)


class CodeWanted(BaseModel):
    """A code to register, or to give another owner."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: str
    owner_user_id: Name | None = None
    campaign_id: Name | None = None


class Micro:
    """The application; `POST /micro/reset` puts another one in its place."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._begin()

    def _begin(self) -> None:
        self._installation = MicroInstallation(self._given)
        self._app = Refusals(application(self._installation.collector, self._endpoints()))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        await self._app(scope, receive, send)

    def _endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                "GET",
                "/micro",
                self._page,
                "A page with what came in, what was refused and what was decided.",
                OPEN,
                answers=("text/html",),
            ),
            Endpoint(
                "GET",
                "/micro/good",
                self._good,
                "The events that were accepted, as they are on the topic, the earliest first.",
                OPEN,
                parameters=_EVENT_FILTERS,
            ),
            Endpoint(
                "GET",
                "/micro/bad",
                self._bad,
                "The requests and events that were refused, and dead letters of the rules.",
                OPEN,
            ),
            Endpoint(
                "GET",
                "/micro/rewards",
                self._rewards,
                "Who was referred, the last state of each reward, and the entries of the ledger.",
                OPEN,
                parameters=(_USER,),
            ),
            Endpoint(
                "POST",
                "/micro/codes",
                self._register,
                "Register a code, or give it another owner.",
                OPEN,
                bodies=(CodeWanted,),
                errors={
                    400: "The body is not JSON.",
                    403: _FROM_ELSEWHERE,
                    422: "There is no such campaign, or that is no code.",
                },
                status=201,
            ),
            Endpoint(
                "POST",
                "/micro/reset",
                self._reset,
                "Begin anew: no events, and the campaigns and codes of the command.",
                OPEN,
                errors={403: _FROM_ELSEWHERE},
            ),
        ]

    async def _page(self, _: Request) -> Response:
        logs = self._installation.logs
        return HTMLResponse(
            page(decisions.events(logs, {}), self._bad_found(), decisions.rewards(logs)),
            headers={"content-security-policy": POLICY, "cache-control": "no-store"},
        )

    async def _good(self, request: Request) -> Response:
        names = {parameter.name for parameter in _EVENT_FILTERS}
        wanted = {name: value for name, value in request.query_params.items() if name in names}
        return json_answer({"events": decisions.events(self._installation.logs, wanted)})

    async def _bad(self, _: Request) -> Response:
        return json_answer(self._bad_found())

    async def _rewards(self, request: Request) -> Response:
        user_id = request.query_params.get("user_id")
        return json_answer(decisions.rewards(self._installation.logs, user_id))

    async def _register(self, request: Request) -> Response:
        _refuse_other_sites(request)
        parsed = read_json(await read_body(request))
        try:
            wanted = CodeWanted.model_validate(parsed)
            code = self._installation.register(CodeGiven(**wanted.model_dump()))
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            pointer = "".join(f"/{part}" for part in fault["loc"])
            raise RequestRefused(422, fault["msg"], pointer=pointer) from error
        except ExpectedError as error:
            raise RequestRefused(422, str(error)) from error
        return json_answer(code, 201)

    async def _reset(self, request: Request) -> Response:
        _refuse_other_sites(request)
        self._begin()
        return json_answer({"events": 0, "bad": 0, "rewards": 0})

    def _bad_found(self) -> dict[str, Any]:
        return {
            "bad": [asdict(refusal) for refusal in self._app.kept],
            "dead_letters": decisions.dead_letters(self._installation.logs),
        }


def _refuse_other_sites(request: Request) -> None:
    """Let pages of this host alone act; those at another port of it are such, too."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise RequestRefused(403, "pages of other sites may not act here; ask it from this machine")
