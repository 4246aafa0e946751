"""The warehouse's routes as its OpenAPI description tells of them."""

from typing import Any, Final

from reftrail.hosting.openapi import Operation, Parameter, document
from reftrail.reports.code_counters import LONGEST_CODE
from reftrail.reports.held import MOST as MOST_HELD
from reftrail.reports.held import USUAL as USUALLY_HELD
from reftrail.reports.leaderboard import USUAL as USUAL_LEADERS
from reftrail.reports.questions import DIMENSIONS
from reftrail.reports.rendering import Format
from reftrail.reports.user_view.history import MOST as MOST_ENTRIES
from reftrail.reports.user_view.history import USUAL as USUAL_ENTRIES

_NO_KEY: Final = {401: "No known secret key."}
_BAD: Final = _NO_KEY | {422: "What is asked can't be answered; error says what can."}
_FROM: Final = Parameter("from", meaning="Included: a date (UTC), or a time with its zone.")
_TO: Final = Parameter("to", meaning="Excluded: a date (UTC), or a time with its zone.")
_REPORT: Final = (
    Parameter(
        "by",
        meaning="What there is a row for: several, also comma separated.",
        schema={
            "type": "array",
            "items": {"type": "string", "enum": list(DIMENSIONS)},
            "default": ["campaign"],
        },
    ),
    _FROM,
    _TO,
    Parameter("format", schema={"type": "string", "enum": list(Format), "default": Format.JSON}),
)


def _limit(usual: int, most: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Parameter("limit", schema=schema)


_OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/positions",
        "The next offset to load, by topic and partition.",
        errors=_NO_KEY,
    ),
    Operation(
        "GET",
        "/v1/reports",
        "The reports there are, and what each of their measures means.",
        errors=_NO_KEY,
    ),
    Operation(
        "GET",
        "/v1/reports/{name}",
        "A report.",
        parameters=_REPORT,
        errors=_BAD | {404: "There is no report of this name."},
        answers=("application/json", "text/csv", "text/plain"),
    ),
    Operation(
        "GET",
        "/v1/journeys",
        "What is known of a user and a code.",
        parameters=(Parameter("code", is_required=True), Parameter("user", is_required=True)),
        errors=_BAD,
    ),
    Operation(
        "GET",
        "/v1/codes/{code}/counters",
        f"What has happened under a code, which has at most {LONGEST_CODE} characters.",
        errors=_BAD,
    ),
    Operation(
        "GET",
        "/v1/codes/review",
        "What whoever keeps codes should look at: each one's activity, and guesses at codes.",
        parameters=(_FROM,),
        errors=_BAD,
    ),
    Operation(
        "GET",
        "/v1/reviews",
        "Held rewards, the most urgent first.",
        parameters=(
            *map(Parameter, ("code", "user", "campaign")),
            _limit(USUALLY_HELD, MOST_HELD),
        ),
        errors=_BAD,
    ),
    Operation(
        "GET",
        "/v1/leaderboard",
        "Referrers by how many users they brought whose reward stands, with tiers and badges.",
        parameters=(Parameter("campaign"), _FROM, _TO, _limit(USUAL_LEADERS, MOST_HELD)),
        errors=_BAD,
    ),
    Operation(
        "GET",
        "/v1/users/{user}/rewards",
        "What a user has earned.",
        parameters=(
            _limit(USUAL_ENTRIES, MOST_ENTRIES),
            Parameter("before", meaning="What the page before says as next."),
        ),
        errors=_BAD,
    ),
    Operation("GET", "/v1/openapi.json", "This description.", errors=_NO_KEY),
)


def description() -> dict[str, Any]:
    """The document."""
    return document("reftrail: warehouse", _OPERATIONS)
