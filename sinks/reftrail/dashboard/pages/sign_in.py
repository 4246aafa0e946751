"""Pages for signing in and out."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reftrail.dashboard.dashboard import Dashboard, form_of
from reftrail.dashboard.rendering import page
from reftrail.dashboard.sessions import comes_from_here
from reftrail.edge.authorization import Authorization
from reftrail.edge.http_errors import RequestRefused

_ADVICE: Final = (
    "That is no secret key that is good now. `reftrail keys create` makes one: reports:read shows "
    "reports, users:read people and their rewards, reviews:write decides."
)

_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class SignIn:
    """Handlers for sessions."""

    dashboard: Dashboard
    authorization: Authorization

    async def form(self, request: Request) -> Response:
        """GET /signin."""
        return page("sign_in.html", next=_inside(request.query_params.get("next")), error="")

    async def begin(self, request: Request) -> Response:
        """POST /signin."""
        if not comes_from_here(request):
            raise RequestRefused(403, "this form is on another site; sign in at /signin")
        fields = await form_of(request)
        key, following = fields.get("key", "").strip(), _inside(fields.get("next"))
        try:
            self.authorization.admit_secret(request, key)
        except RequestRefused as error:
            is_limited = error.status == _TOO_MANY
            status, detail = (_TOO_MANY, str(error)) if is_limited else (403, _ADVICE)
            form = page("sign_in.html", status, next=following, error=detail)
            if error.retry_after is not None:
                form.headers["retry-after"] = str(error.retry_after)
            return form
        response = RedirectResponse(following, 303)
        self.dashboard.parts.sessions.begin(request, response, key)
        return response

    async def end(self, request: Request) -> Response:
        """POST /signout."""
        await self.dashboard.form(request)
        response = RedirectResponse("/signin", 303)
        self.dashboard.parts.sessions.end(request, response)
        return response


def _inside(path: str | None) -> str:
    """A path of this host; the overview for anything else, such as an address elsewhere."""
    is_inside = path and path.startswith("/") and not path.startswith(("//", "/\\", "/signin"))
    return path if path and is_inside and path.isprintable() else "/"
