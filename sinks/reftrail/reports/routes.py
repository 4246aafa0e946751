"""Table of the reports' routes."""

from typing import Final

from reftrail.contracts.api_keys import Scope
from reftrail.hosting.routes import Endpoint, Parameter, needs
from reftrail.reports.api import MOST_AGE, ReportsApi
from reftrail.reports.code_counters import LONGEST_CODE
from reftrail.reports.formats import FORMATS
from reftrail.reports.held import MOST as MOST_HELD
from reftrail.reports.held import USUAL as USUALLY_HELD
from reftrail.reports.leaderboard import USUAL as USUAL_LEADERS
from reftrail.reports.parameters import PARAMETERS
from reftrail.reports.rendering import AnswerFormat
from reftrail.reports.user_view.history import MOST as MOST_ENTRIES
from reftrail.reports.user_view.history import USUAL as USUAL_ENTRIES

NO_KEY: Final = {
    401: "No known key.",
    403: "The key is publishable, or lacks the scope.",
    429: "Too many requests without a key from this address; Retry-After says when to ask again.",
}
"""The errors of every route under /v1/."""
BAD: Final = NO_KEY | {422: "What is asked can't be answered; detail says what can."}
"""The errors of a route that takes a question."""
_REPORTS: Final = needs(Scope.REPORTS_READ)
_USERS: Final = needs(Scope.USERS_READ)
_FROM: Final = Parameter("from", meaning="Included: a date (UTC), or a time with its zone.")
_TO: Final = Parameter("to", meaning="Excluded: a date (UTC), or a time with its zone.")
_REPORT: Final = (
    *(parameter.http for parameter in PARAMETERS),
    Parameter(
        "format",
        schema={"type": "string", "enum": list(FORMATS), "default": AnswerFormat.JSON},
    ),
    Parameter(
        "max_age",
        meaning="Seconds: how old the facts may be. Answers of placed facts come at once.",
        schema={"type": "integer", "minimum": 0, "maximum": MOST_AGE, "default": 0},
    ),
)


def _limit(usual: int, most: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Parameter("limit", schema=schema)


def endpoints(api: ReportsApi) -> list[Endpoint]:
    """The table of the reports' routes."""
    return [
        Endpoint(
            "GET",
            "/v1/reports",
            api.reports,
            "The reports there are, and what each of their measures means.",
            _REPORTS,
            errors=NO_KEY,
        ),
        Endpoint(
            "GET",
            "/v1/reports/{name}",
            api.report,
            "A report.",
            _REPORTS,
            parameters=_REPORT,
            errors=BAD
            | {
                304: "Nothing was loaded since the answer with this tag.",
                404: "There is no report of this name.",
            },
            answers=tuple(media_type for media_type, _ in FORMATS.values()),
        ),
        Endpoint(
            "GET",
            "/v1/journeys",
            api.journey,
            "What is known of a user and a code.",
            _USERS,
            parameters=(Parameter("code", is_required=True), Parameter("user", is_required=True)),
            errors=BAD,
        ),
        Endpoint(
            "GET",
            "/v1/codes/{code}/counters",
            api.counters,
            f"What has happened under a code, which has at most {LONGEST_CODE} characters.",
            _REPORTS,
            errors=BAD,
        ),
        Endpoint(
            "GET",
            "/v1/codes/review",
            api.code_review,
            "Data for a review of codes: the activity of each, and guesses at codes.",
            _REPORTS,
            parameters=(_FROM,),
            errors=BAD,
        ),
        Endpoint(
            "GET",
            "/v1/reviews",
            api.held,
            "Held rewards, the most urgent first.",
            _USERS,
            parameters=(
                *map(Parameter, ("code", "user", "campaign")),
                _limit(USUALLY_HELD, MOST_HELD),
            ),
            errors=BAD,
        ),
        Endpoint(
            "GET",
            "/v1/adjustments",
            api.adjustments,
            "Adjustments that wait for a second person's approval, the oldest first.",
            _USERS,
            parameters=(
                *map(Parameter, ("code", "user", "campaign")),
                _limit(USUALLY_HELD, MOST_HELD),
            ),
            errors=BAD,
        ),
        Endpoint(
            "GET",
            "/v1/leaderboard",
            api.leaderboard,
            "Referrers by how many users they brought whose reward counts, with tiers and badges.",
            _USERS,
            parameters=(Parameter("campaign"), _FROM, _TO, _limit(USUAL_LEADERS, MOST_HELD)),
            errors=BAD,
        ),
        Endpoint(
            "GET",
            "/v1/experiments/{campaign}",
            api.experiment,
            "The arms of a campaign's latest experiment compared: conversion and cost.",
            _REPORTS,
            parameters=(_FROM, _TO),
            errors=BAD,
        ),
        Endpoint(
            "GET",
            "/v1/users/{user:path}/rewards",
            api.user,
            "What a user has earned.",
            _USERS,
            parameters=(
                _limit(USUAL_ENTRIES, MOST_ENTRIES),
                Parameter("before", meaning="What the page before says as next."),
            ),
            errors=BAD,
        ),
    ]
