"""Whatever is sent to a page of the dashboard, signed in or not, is answered as its row says.

The rows are those of `dashboard/routes.py`. They name no parameters: which there are, the handlers
themselves say, since each of them is noted that a handler looks for.
"""

import re
from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from hypothesis import given, settings
from starlette.requests import HTTPConnection
from support.authorizing import stored
from support.clickhouse import ClickHouse
from support.dashboard import Collector, dashboard_app, pages, parts
from support.dashboard_rewards import AS_OF, load_rewards
from support.described import NotedQuery, examples
from support.http_server import served
from support.page_requests import (
    HOSTILE,
    KEYS,
    QUERY,
    PageRequest,
    check_answer,
    cookies,
    is_redirect,
    page_requests,
)
from support.programme import code, entry

from reftrail.contracts.api_keys import Scope
from reftrail.dashboard.dashboard import DashboardParts
from reftrail.dashboard.sessions import COOKIE
from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.authorization import Authorization
from reftrail.hosting.rate_limits import Rate
from reftrail.hosting.routes import Endpoint
from reftrail.reports.catalogue import catalogue
from reftrail.warehouse.placing.placer import Placer

PAGES: Final = {f"{page.method} {page.template}": page for page in pages()}
LINK: Final = "LINK"
"""Stands for the token of a good link, which is another one in each run."""
NAMES: Final = tuple(text for text in HOSTILE if "\0" not in text and len(text) < 100)
KNOWN: Final = {
    "campaign": ("spring", *NAMES),
    "code": ("AMY", "EVER", "amy", "A%2FB"),
    "user": ("amy", "uma", *NAMES),
    "user_id": ("uma", *NAMES),
    "name": tuple(catalogue()),
    "reward": ("r1", "r2", "r3", *NAMES),
    "reward_id": ("r1", *NAMES),
    "token": (LINK,),
    "file": ("style.css", "page.js", "../__init__.py"),
    "from": ("2026-01-01", "2026-09-01T10:00:00Z", "0001-01-01", ""),
    "to": ("2026-12-31", "9999-12-31", ""),
    "time_zone": ("Asia/Kolkata", "UTC", "Europe/../UTC"),
    "by": ("day", "week", "campaign", "all", "code", "day,campaign", ","),
    "compare": ("previous",),
    "weeks": ("4", "0", "1e3"),
    "kinds": ("click", "view,reward", ",", "adjustment"),
    "status": ("held", "granted"),
    "before": ("0", "1", "abc"),
    "done": ("approve",),
    "next": ("/review", "/users/a%2Fb?x=1", "//shop.example", "/\\shop.example"),
    "key": tuple(f"sk_{name}" for name in KEYS),
    "decision": ("approve", "decline"),
}


class Server:
    """The warehouse's HTTP server, and sessions of its dashboard by the names of keys."""

    def __init__(self, url: str, given: DashboardParts) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        self._link = given.links.close(
            {
                "user": NAMES[1],
                "share": "https://events.shop.example/r/{code}",
                "origins": [],
                "key": ("everything", None),
            },
            3600,
        )
        self._sessions: dict[str, tuple[str, str]] = {}

    def answer(self, endpoint: Endpoint, asked: PageRequest) -> httpx.Response:
        """The answer to a request on a route."""
        session, csrf = self._session(asked.key) if asked.by == "session" else (None, "")
        if asked.by == "forged session":
            session = "A" + self._session(asked.key)[0][1:]
        headers = asked.headers()
        if asked.origin == "OWN":
            headers["origin"] = str(self._http.base_url).rstrip("/")
        if asked.by == "header":
            headers["authorization"] = f"Bearer sk_{asked.key}"
        if cookie := cookies(session, asked.zone):
            headers["cookie"] = cookie
        is_form = endpoint.method == "POST"
        if is_form:
            headers["content-type"] = "application/x-www-form-urlencoded"
        target = asked.path(endpoint).replace(LINK, self._link)
        request = self._http.build_request(
            "HEAD" if asked.is_head and not is_form else endpoint.method,
            self._http.base_url.copy_with(raw_path=target.encode()),
            headers=headers,
            content=asked.content(csrf) if is_form else None,
        )
        answer = self._http.send(request)
        self._http.cookies.clear()
        if is_redirect(answer) and endpoint.path == "/signout":
            self._sessions.clear()
        return answer

    def _session(self, key: str) -> tuple[str, str]:
        """The cookie of a key's session, and the text that its forms have."""
        if key not in self._sessions:
            began = self._http.post("/signin", data={"key": f"sk_{key}"})
            cookie = began.cookies.get(COOKIE)
            self._http.cookies.clear()
            text = self._http.get("/reports", headers={"cookie": f"{COOKIE}={cookie}"}).text
            found = re.search(r'name="csrf" value="([0-9a-f]+)"', text)
            self._sessions[key] = (cookie or "", found[1] if found else "")
        return self._sessions[key]

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def placer(clickhouse_engine: ClickHouse) -> Placer:
    """A few rewards, and more of people whose names are marks."""
    clickhouse_engine.empty()
    load_rewards(
        clickhouse_engine,
        [code(f"OF-{nth}", name, owner_user_id=name) for nth, name in enumerate(NAMES)],
        [
            entry(name, f"OF-{nth}", name, value=1_000_000, status=status, beneficiary=name,
                  campaign_id=name, reasons=[name])
            for nth, name in enumerate(NAMES)
            for status in ("held", "granted")[: 1 + nth % 2]
        ],
    )  # fmt: skip
    placer = Placer(clickhouse_engine.writing, lambda: AS_OF)
    placer.place()
    return placer


@pytest.fixture(scope="module")
def server(clickhouse_engine: ClickHouse, placer: Placer) -> Iterator[Server]:
    unlimited = Rate.of(1e9, 1)
    authorization = Authorization(ApiKeys.of(secret=["sk_everything"]), wrong=unlimited)
    for name, scopes in {
        "reports": [Scope.REPORTS_READ],
        "people": [Scope.REPORTS_READ, Scope.USERS_READ],
        "reviewer": [Scope.REPORTS_READ, Scope.USERS_READ, Scope.REVIEWS_WRITE],
        "nothing": [Scope.ADJUSTMENTS_WRITE],
    }.items():
        authorization.keys.take(stored(name, f"sk_{name}", scopes=scopes))
    given = parts(send_review=Collector().sender())
    app = dashboard_app(clickhouse_engine, given, authorization, placer)
    with pytest.MonkeyPatch.context() as patched, served(lambda: app) as url:
        query = property(lambda request: NotedQuery(request.scope["query_string"]))
        patched.setattr(HTTPConnection, "query_params", query)
        server = Server(url, given)
        yield server
        server.close()


@pytest.mark.parametrize("label", PAGES)
@settings(max_examples=examples(5))
@given(asked=page_requests(KNOWN))
def test_answers_are_those_that_the_row_names(
    label: str, server: Server, asked: PageRequest
) -> None:
    NotedQuery.noted.clear()
    check_answer(PAGES[label], asked, server.answer(PAGES[label], asked))
    assert NotedQuery.noted <= {*QUERY, "key"}, "requests have none of these parameters"
