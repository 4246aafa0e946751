"""Overview of the programme, or of one campaign or code: key figures, funnel and trend."""

from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from reftrail.dashboard.cells import change, text_of
from reftrail.dashboard.charts import Bar, bars
from reftrail.dashboard.dashboard import Dashboard, Panel
from reftrail.dashboard.view import View, view_of
from reftrail.reports.catalogue import find

TREND: Final = (
    ("visitors", "Visitors"),
    ("signups", "Sign-ups"),
    ("attributed", "Referred"),
    ("first_purchases", "First purchases"),
)
_STEPS: Final = (
    ("visitors", "Visitors", ""),
    ("visitors_clicked", "Clicked", "click_rate"),
    ("visitors_signed_up", "Signed up after a click", "conversion_rate"),
    ("signups", "All sign-ups", ""),
    ("signups_bought", "Of these, have bought", "purchase_rate"),
)
_BEHIND: Final = {
    "visitors": "view,click,form_started",
    "clicks": "click",
    "signups": "signup",
    "attributed": "attributed",
    "first_purchases": "purchase",
    "rewards_granted": "reward",
    "revenue": "purchase",
    "reward_cost": "reward,adjustment",
    "reward_value": "reward",
    "liability": "reward",
    "rewards_held": "reward",
}
"""Kinds of the facts that a figure counts."""
_FUNNEL: Final = (
    ("visitors", "Visitors"),
    ("clicks", "Clicks"),
    ("signups", "Sign-ups"),
    ("attributed", "Referred"),
    ("first_purchases", "First purchases"),
    ("conversion_rate", "Click to sign-up"),
    ("rewards_granted", "Rewards granted"),
)
_MONEY: Final = (("revenue", "Revenue"), ("reward_cost", "Reward cost"), ("roi", "ROI"))
_REWARDS: Final = (("rewards_held", "Rewards held"), ("liability", "Still owed"))


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure beside that of the period before; link leads to the rows behind it."""

    name: str
    text: str
    change: str
    way: str
    meaning: str
    link: str | None


async def overview(dashboard: Dashboard, request: Request) -> Response:
    """GET /."""
    view = view_of(request)
    parts = await summary(dashboard, view)
    campaigns = await dashboard.panel(view, "campaigns", "Campaigns", by="campaign")
    return await dashboard.page(
        request, "overview.html", view, title="Overview", heading="", more=[campaigns], **parts
    )


async def campaign(dashboard: Dashboard, request: Request) -> Response:
    """GET /campaigns/{campaign}."""
    name = request.path_params["campaign"]
    view = view_of(request).narrowed(campaign=name)
    parts = await summary(dashboard, view)
    more = [
        await dashboard.panel(view, "codes", "Codes"),
        await dashboard.panel(view, "channels", "Channels", by="channel"),
        await dashboard.panel(view, "referrers", "Referrers", by="all"),
    ]
    return await dashboard.page(
        request, "overview.html", view, title=f"Campaign {name}", heading=name, more=more, **parts
    )


async def summary(dashboard: Dashboard, view: View) -> dict[str, Any]:
    """Key figures, funnel and trend of a view."""
    funnel = await dashboard.panel(view, "funnel", "Funnel", by="all", compare="previous")
    money = await dashboard.panel(
        view, "campaigns", "Revenue and cost", by="all", compare="previous"
    )
    rewards = await dashboard.panel(view, "rewards", "Rewards", by="all", compare="previous")
    trend = await dashboard.panel(view, "funnel", "Trend", series=TREND, by=view.unit)
    return {
        "figures": _figures(funnel, funnel.answer.rows[0], _FUNNEL, view),
        "money": _money(money, rewards, view),
        "figure_panels": [money, rewards],
        "funnel": funnel,
        "steps": _steps(funnel),
        "trend": trend,
    }


def _money(money: Panel, rewards: Panel, view: View) -> list[tuple[str, list[Figure]]]:
    """Figures by currency, which are never added up; those that nobody could price are last."""
    costs = {row["currency"]: row for row in money.answer.rows}
    owed = {row["currency"]: row for row in rewards.answer.rows}
    found = []
    for currency in sorted(costs.keys() | owed.keys(), key=lambda name: (name is None, name)):
        figures = [
            *(_figures(money, costs[currency], _MONEY, view) if currency in costs else []),
            *(_figures(rewards, owed[currency], _REWARDS, view) if currency in owed else []),
        ]
        found.append((currency or "No currency", figures))
    return found


def _figures(
    panel: Panel, row: dict[str, Any], names: tuple[tuple[str, str], ...], view: View
) -> list[Figure]:
    measures = {measure.name: measure for measure in find(panel.name).measures}
    return [
        Figure(
            title,
            text_of(row[name], measures[name].kind),
            *change(row, name, measures[name].kind),
            measures[name].meaning,
            view.link("/activity", kinds=_BEHIND[name]) if name in _BEHIND else None,
        )
        for name, title in names
    ]


def _steps(panel: Panel) -> tuple[Bar, ...]:
    row = panel.answer.rows[0]
    measures = {measure.name: measure for measure in find("funnel").measures}
    return bars(
        [
            (
                title,
                row[name],
                text_of(row[name], measures[name].kind),
                text_of(row[rate], measures[rate].kind) if rate and row[rate] is not None else "",
            )
            for name, title, rate in _STEPS
        ]
    )
