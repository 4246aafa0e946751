"""Review queue: held rewards with their evidence, and decisions about them.

A decision goes to the collector under the session's key, as a program would send it: so it bears
the key's name, and needs the key's scope.
"""

from typing import Any, Final

import uuid_utils
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reftrail.contracts.external_inputs import ReviewDecision
from reftrail.dashboard.dashboard import Dashboard
from reftrail.dashboard.listing import worth
from reftrail.dashboard.pages.rewards import evidence_of
from reftrail.dashboard.view import view_of
from reftrail.edge.http_errors import RequestRefused
from reftrail.reports.held import Wanted, held_rewards, waiting_adjustments

MOST_ROWS: Final = 100
_FIELDS: Final = ("code", "user_id", "reward_id", "decision", "reason", "note", "event_id")


async def queue(dashboard: Dashboard, request: Request) -> Response:
    """GET /review."""
    query, view = request.query_params, view_of(request)
    code, user = query.get("code", ""), query.get("user", "")
    wanted = Wanted(code, user, view.campaign, MOST_ROWS)
    held = await dashboard.ask(held_rewards, wanted)
    waiting = await dashboard.ask(waiting_adjustments, wanted)
    refused = await dashboard.rows(
        "refused", campaign=view.campaign, code=code, user=user, most=MOST_ROWS
    )
    return await dashboard.page(
        request,
        "review.html",
        view,
        title="Review",
        held=[_with_id(row) for row in held],
        waiting=waiting,
        refused=[_with_id(row) | {"evidence": evidence_of(row)} for row in refused],
        decides=dashboard.parts.send_review is not None,
        done=query.get("done", ""),
        user=user,
        code=code,
        worth=worth,
    )


async def decide(dashboard: Dashboard, request: Request) -> Response:
    """POST /review."""
    form = await dashboard.form(request)
    key = dashboard.parts.sessions.key_of(request)
    if dashboard.parts.send_review is None or key is None:
        raise RequestRefused(
            400, "set REFTRAIL_COLLECTOR_URL at the warehouse, and sign in, to decide here"
        )
    review = {name: form[name] for name in _FIELDS if form.get(name)}
    if review.get("decision") not in list(ReviewDecision):
        raise RequestRefused(400, f"decision must be one of {', '.join(ReviewDecision)}")
    answer = await dashboard.parts.send_review(key, review)
    if answer.detail:
        raise RequestRefused(answer.status, answer.detail)
    return RedirectResponse(f"/review?done={review['decision']}", 303)


def _with_id(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the id of a decision made by its form: sent twice, it is the same decision."""
    return row | {"decision_id": str(uuid_utils.uuid7())}
