"""Client of the reports API, for the command line."""

from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
import msgspec

from reftrail.contracts.errors import ExpectedError
from reftrail.reports.catalogue import Report, ReportAnswer
from reftrail.reports.held import Wanted
from reftrail.reports.questions import DIMENSIONS, Question

_PATIENCE_SECONDS: Final = 120.0


class ReportsClient:
    """Asks one warehouse. All methods raise `ExpectedError` when it can't or won't answer."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._url = url
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {secret_key}"},
            timeout=httpx.Timeout(_PATIENCE_SECONDS, connect=5.0),
        )

    def report(self, report: Report, asked: Question) -> ReportAnswer:
        """The answer of a report."""
        found = self._get(
            f"/v1/reports/{report.name}",
            {
                "by": ",".join(asked.by),
                "from": asked.since.isoformat(),
                "to": asked.until.isoformat(),
            },
        )
        columns = (
            *(DIMENSIONS[name] for name in asked.by),
            *(measure.name for measure in report.measures),
        )
        return ReportAnswer(found["as_of"], columns, found["rows"])

    def journey(self, code: str, user_id: str) -> dict[str, Any]:
        """The journey of a user under a code, see `reports.explain.journey`; and as_of."""
        return self._get("/v1/journeys", {"code": code, "user": user_id})

    def user(self, user_id: str, limit: int, before: str | None) -> dict[str, Any]:
        """The view of a user, see `reports.user_view`; and as_of."""
        query = {"limit": str(limit)} | ({"before": before} if before else {})
        return self._get(f"/v1/users/{quote(user_id, safe='')}/rewards", query)

    def leaderboard(self, campaign: str, asked: Question, limit: int) -> list[dict[str, Any]]:
        """Referrers by rank, see `reports.leaderboard`."""
        query = {
            "campaign": campaign,
            "from": asked.since.isoformat(),
            "to": asked.until.isoformat(),
            "limit": str(limit),
        }
        leaders: list[dict[str, Any]] = self._get("/v1/leaderboard", query)["leaders"]
        return leaders

    def counters(self, code: str) -> dict[str, Any]:
        """The counters of a code, see `reports.code_counters`; and as_of."""
        return self._get(f"/v1/codes/{quote(code, safe='')}/counters", {})

    def codes_review(self, since: datetime) -> dict[str, Any]:
        """activity, a list by code, and guesses since then, by format; and as_of."""
        return self._get("/v1/codes/review", {"from": since.isoformat()})

    def held(self, wanted: Wanted) -> list[dict[str, Any]]:
        """Rewards that wait for a review, see `reports.held`."""
        query = {"code": wanted.code, "user": wanted.user, "campaign": wanted.campaign}
        found: list[dict[str, Any]] = self._get(
            "/v1/reviews", {"limit": str(wanted.most)} | {k: v for k, v in query.items() if v}
        )["held"]
        return found

    def _get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        try:
            response = self._http.get(path, params=query)
        except httpx.HTTPError as error:
            raise ExpectedError(
                f"the reports at {self._url} do not answer ({error}); is the stack up? start it "
                f"with: reftrail up"
            ) from error
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise ExpectedError(
                f"{self._url} does not know this secret key; set REFTRAIL_SECRET_KEY to one of "
                f"the warehouse's REFTRAIL_SECRET_KEYS"
            )
        try:
            found: dict[str, Any] = msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise ExpectedError(
                f"{self._url} is not a reports API: it answers {response.status_code} without JSON"
            ) from error
        if not response.is_success:
            raise ExpectedError(found.get("error", f"{self._url} says {response.status_code}"))
        return found

    def close(self) -> None:
        """Disconnect."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
