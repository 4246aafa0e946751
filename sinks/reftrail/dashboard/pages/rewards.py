"""Pages of rewards: the list behind figures, and one reward with the chain that led to it."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.errors import ExpectedError
from reftrail.dashboard.dashboard import Dashboard
from reftrail.dashboard.listing import worth
from reftrail.dashboard.view import view_of
from reftrail.edge.http_errors import RequestRefused
from reftrail.reports.code_spelling import registered_spelling
from reftrail.reports.explain.explanation import as_text
from reftrail.reports.explain.journey import journey
from reftrail.reports.explain.summary import summary
from reftrail.reports.questions import BadQuestion

MOST_ROWS: Final = 200


async def rewards(dashboard: Dashboard, request: Request) -> Response:
    """GET /rewards."""
    query, view = request.query_params, view_of(request)
    user, status = query.get("user", ""), query.get("status", "")
    if status and status not in list(RewardStatus):
        known = ", ".join(RewardStatus)
        raise BadQuestion(f"there is no status {status[:40]!r}; choose of {known}")
    code = dict(view.filters).get("code", "")
    if code:
        code = await dashboard.ask(registered_spelling, code)
    since, until = view.bounds()
    wanted = {"campaign": view.campaign, "code": code, "user": user, "status": status}
    rows = await dashboard.rows("rewards", since=since, until=until, most=MOST_ROWS, **wanted)
    return await dashboard.page(
        request,
        "rewards.html",
        view,
        title="Rewards",
        rows=rows,
        most=MOST_ROWS,
        user=user,
        status=status,
        statuses=list(RewardStatus),
        worth=worth,
    )


async def reward(dashboard: Dashboard, request: Request) -> Response:
    """GET /rewards/{reward}."""
    reward_id, view = request.path_params["reward"], view_of(request)
    entries = await dashboard.rows("entries", reward=reward_id)
    if not entries:
        raise RequestRefused(404, f"there is no reward {reward_id[:80]!r}")
    first = entries[0]
    code, user = first["code"], first["user_id"]
    known = await dashboard.ask(journey, code, user)
    decisions = await dashboard.rows("reviews", reward=reward_id, code=code, user=user)
    return await dashboard.page(
        request,
        "reward.html",
        view,
        title=f"Reward {reward_id}",
        reward=first,
        entries=[entry | {"found": evidence_of(entry)} for entry in entries],
        summary=list(summary(known, code, user)),
        known=known,
        decisions=decisions,
        explains=dashboard.parts.explain is not None,
        worth=worth,
    )


async def explanation(dashboard: Dashboard, request: Request) -> Response:
    """GET /rewards/{reward}/explanation."""
    reward_id, view = request.path_params["reward"], view_of(request)
    entries = await dashboard.rows("entries", reward=reward_id)
    if not entries or dashboard.parts.explain is None:
        raise RequestRefused(404, f"there is no explanation of a reward {reward_id[:80]!r}")
    code, user = entries[0]["code"], entries[0]["user_id"]
    known = {"as_of": dashboard.api.as_of(), **await dashboard.ask(journey, code, user)}
    try:
        found = await dashboard.log_turns.run(dashboard.parts.explain, known, code, user)
    except ExpectedError as error:
        raise RequestRefused(503, str(error)) from error
    return await dashboard.page(
        request,
        "explanation.html",
        view,
        title=f"Explanation of reward {reward_id}",
        text=as_text(found),
        reward_id=reward_id,
        code=code,
        user=user,
    )


def evidence_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """What spoke against a reward: reason, weight and figures of each finding."""
    text = row.get("evidence")
    found: list[dict[str, Any]] = msgspec.json.decode(text) if text else []
    return found
