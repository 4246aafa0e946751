"""Client of the reports API, for the command line."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias
from urllib.parse import quote

import httpx
import msgspec

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.private_files import private
from reftrail.reports.catalogue import ReportAnswer, columns_of
from reftrail.reports.held import Wanted
from reftrail.reports.questions import Question
from reftrail.reports.report_files import Report

Progress: TypeAlias = Callable[[int, int | None], None]

Query: TypeAlias = dict[str, str] | tuple[tuple[str, str], ...]

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
        found = self._get(f"/v1/reports/{report.name}", tuple(asked.as_query()))
        columns = columns_of(report, asked)
        return ReportAnswer(found["as_of"], columns, found["rows"], found.get("only_first"))

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

    def experiment(self, campaign: str, asked: Question) -> dict[str, Any]:
        """The arms of a campaign's experiment, see `reports.experiment`; and as_of."""
        period = {"from": asked.since.isoformat(), "to": asked.until.isoformat()}
        return self._get(f"/v1/experiments/{quote(campaign, safe='')}", period)

    def counters(self, code: str) -> dict[str, Any]:
        """The counters of a code, see `reports.code_counters`; and as_of."""
        return self._get(f"/v1/codes/{quote(code, safe='')}/counters", {})

    def codes_review(self, since: datetime) -> dict[str, Any]:
        """activity, a list by code, and guesses since then, by format; and as_of."""
        return self._get("/v1/codes/review", {"from": since.isoformat()})

    def held(self, wanted: Wanted) -> list[dict[str, Any]]:
        """Rewards that wait for a review, see `reports.held`."""
        found: list[dict[str, Any]] = self._get("/v1/reviews", _asked(wanted))["held"]
        return found

    def waiting_adjustments(self, wanted: Wanted) -> list[dict[str, Any]]:
        """Adjustments that wait for a second person's approval, see `reports.held`."""
        found: list[dict[str, Any]] = self._get("/v1/adjustments", _asked(wanted))["waiting"]
        return found

    def sql(self, query: str) -> dict[str, Any]:
        """Columns and rows of a query, see `reports.analysts.sql_query`; and as_of."""
        try:
            return self._answer(self._http.post("/v1/sql", json={"query": query}))
        except httpx.HTTPError as error:
            raise self._silent(error) from error

    def export(self, path: str, query: dict[str, str], to: Path, seen: Progress) -> int:
        """Write an exported view to a file, and say how many bytes it has.

        The file is readable by its owner alone. One that isn't complete has another name
        (`.part`), and is removed after an error. seen is called with the bytes so far and the
        bytes in all, None where they aren't known.
        """
        part = to.with_name(f"{to.name}.part")
        try:
            with self._http.stream("GET", path, params=query, timeout=None) as response:
                if not response.is_success:
                    response.read()
                    self._answer(response)
                length = response.headers.get("content-length")
                size = 0
                with open(part, "wb", opener=private) as file:
                    for chunk in response.iter_bytes():
                        size += file.write(chunk)
                        seen(size, int(length) if length else None)
            part.replace(to)
        except httpx.HTTPError as error:
            raise self._silent(error) from error
        except OSError as error:
            raise ExpectedError(f"cannot write {to}: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)
        return size

    def _get(self, path: str, query: Query) -> dict[str, Any]:
        try:
            return self._answer(self._http.get(path, params=query))
        except httpx.HTTPError as error:
            raise self._silent(error) from error

    def _silent(self, error: httpx.HTTPError) -> ExpectedError:
        return ExpectedError(
            f"the reports at {self._url} do not answer ({error}); is the stack up? start it "
            f"with: reftrail up"
        )

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
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
            raise ExpectedError(found.get("detail", f"{self._url} says {response.status_code}"))
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


def _asked(wanted: Wanted) -> dict[str, str]:
    query = {"code": wanted.code, "user": wanted.user, "campaign": wanted.campaign}
    return {"limit": str(wanted.most)} | {name: said for name, said in query.items() if said}
