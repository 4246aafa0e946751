"""Requests that nobody can carry out: each is answered with a 4xx that says what to do."""

import socket
from collections.abc import Iterator
from unittest.mock import Mock
from urllib.parse import urlsplit

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from support.authorizing import authorizing
from support.edge import RunningEdge
from support.http_server import served

from reftrail.edge import requests
from reftrail.reports.analysts.routes import Analysts
from reftrail.warehouse.definitions import VIEWS
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

NESTED = b'{"campaign_id":' * 5_000
LONG = "9" * 5_000
ZERO_WIDTH = "\u200b\u2060"


@pytest.fixture(scope="module")
def warehouse() -> Iterator[httpx.Client]:
    """The reports' API: what it refuses, it refuses before it asks ClickHouse."""

    def app() -> object:
        analysts = Analysts(Mock(Client), Mock(Client), VIEWS, None, lambda: None)
        return application(
            Mock(Client),
            Mock(Client),
            authorizing("sk"),
            LoadedPositions(),
            WarehouseMetrics(),
            analysts=analysts,
        )

    with served(app) as url, httpx.Client(base_url=url, timeout=10) as client:
        client.headers["authorization"] = "Bearer sk"
        yield client


def refused(answer: httpx.Response) -> int:
    assert answer.json()["detail"], answer.text
    return answer.status_code


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/codes", NESTED, 400),
        ("/v1/codes", b'{"\xff": 1}', 400),
        ("/v1/codes", b'{"campaign_id": "c", "campaign_id": "d"}', 400),
        ("/v1/codes", b'{"campaign_id": "c", "notes": "\\n", "notes": "b"}', 400),
        ("/v1/codes", b'{"campaign_id": "c", "max_uses": %s}' % LONG.encode(), 400),
        ("/v1/codes", b'{"campaign_id": "c", "expires_at": "9999-12-31T23:59:59-14:00"}', 422),
        ("/v1/codes", b'{"campaign_id": "c", "expires_at": "0001-01-01T00:00:00+14:00"}', 422),
        ("/v1/codes", b'{"campaign_id": "c", "expires_at": "1999-12-31T23:59:59Z"}', 422),
        ("/v1/codes", b'{"campaign_id": "c", "expires_at": "2200-01-01T00:00:00Z"}', 422),
        ("/v1/codes", b'{"campaign_id": "c", "max_uses": 9999999999}', 422),
        ("/v1/codes", b'{"campaign_id": "  "}', 422),
        ("/v1/codes/verify", NESTED, 400),
        ("/v1/codes/verify", b'{"code": "A", "code": "B"}', 400),
        ("/v1/events", NESTED, 400),
        ("/v1/events", b'{"\xff": 1}', 400),
        ("/v1/events", b'{"type": "view", "visitor_id": "a", "visitor_id": "b"}', 400),
        ("/v1/events", b'{"events": [{"type": "view", "type" : "click"}]}', 400),
        ("/v1/events", b'{"events": [], "sent_at": "2200-01-01T00:00:00Z"}', 422),
        ("/v1/reviews", NESTED, 400),
        ("/v1/reviews", b'{"reviews": [], "reviews": []}', 400),
    ],
    ids=lambda given: str(given)[:60],
)
def test_bodies(edge: RunningEdge, path: str, body: bytes, status: int) -> None:
    answer = edge.secret.post(path, content=body)
    assert refused(answer) == status


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        ({"visitor_id": " "}, "/visitor_id"),
        ({"visitor_id": ZERO_WIDTH}, "/visitor_id"),
        ({"visitor_id": f"v{ZERO_WIDTH}"}, "/visitor_id"),
        ({"visitor_id": "v", "user_id": "\u3164"}, "/user_id"),
        ({"visitor_id": "v", "event_time": "9999-12-31T23:59:59-14:00"}, "/event_time"),
        ({"visitor_id": "v", "event_time": "0001-01-01T00:00:00+14:00"}, "/event_time"),
    ],
)
def test_fields_of_events(edge: RunningEdge, event: dict[str, str], pointer: str) -> None:
    answer = edge.secret.post("/v1/events", json={"type": "view"} | event)
    assert answer.status_code == 202
    assert [rejection["pointer"] for rejection in answer.json()["rejected"]] == [pointer]


@pytest.mark.parametrize("number", [LONG, "1e999", "-" + LONG])
def test_numbers_of_any_length_in_events(edge: RunningEdge, number: str) -> None:
    body = f'{{"type": "view", "visitor_id": {number}}}'
    assert refused(edge.secret.post("/v1/events", content=body)) == 400


@pytest.mark.parametrize("page", ["http://[", "https://shop.example/?" + "x" * 3_000, "http:"])
def test_pages_for_pictures(edge: RunningEdge, page: str) -> None:
    made = edge.secret.post("/v1/codes", json={"campaign_id": "summer"})
    code = made.json()["codes"][0]["code"]
    for kind in ("png", "svg"):
        answer = edge.secret.get(f"/v1/codes/{code}/qr.{kind}", params={"url": page})
        assert refused(answer) == 422


@pytest.mark.parametrize("name", ["%ff", "a%ffb", "%c3%28", "%e2%80%8b", "%20"])
def test_a_format_s_name_is_text_that_one_sees(edge: RunningEdge, name: str) -> None:
    answer = edge.secret.put(f"/v1/code-formats/{name}", json={"pattern": "R{random:9}"})
    assert refused(answer) in (400, 422)


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/codes?limit={LONG}",
        "/v1/codes?limit=0",
        "/v1/codes?cursor=%ff",
        "/v1/codes/%ff",
        "/v1/codes/A?x=1",
    ],
)
def test_lookups_of_codes(edge: RunningEdge, path: str) -> None:
    assert refused(edge.secret.get(path)) in (400, 404, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/reports/funnel?from=0001-01-01T00:00:00%2B14:00",
        "/v1/reports/funnel?to=9999-12-31T23:59:59-14:00",
        f"/v1/reviews?limit={LONG}",
        f"/v1/leaderboard?limit={LONG}",
        f"/v1/users/amy/rewards?limit={LONG}",
        f"/v1/users/amy/rewards?before={LONG}.x",
        "/v1/users/%ff/rewards",
        "/v1/reports/%ff",
    ],
    ids=lambda path: path[:50],
)
def test_questions_to_the_reports(warehouse: httpx.Client, path: str) -> None:
    assert refused(warehouse.get(path)) in (400, 404, 422)


def test_a_body_of_sql_is_bounded(warehouse: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    held = requests._held.total  # by unit tests, which call handlers without answering
    large = warehouse.post("/v1/sql", json={"query": "x" * 2**20})
    assert refused(large) == 413
    endless = warehouse.post("/v1/sql", content=iter([b"x" * 2**16] * 20))
    assert refused(endless) == 413
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.2)
    parts = urlsplit(str(warehouse.base_url))
    head = (
        b"POST /v1/sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk\r\n"
        b"Content-Length: 99\r\n\r\n"
    )
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as raw:
        raw.sendall(head + b'{"query": "SEL')
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert requests._held.total == held


def test_a_forged_host_is_never_redirected_to(edge: RunningEdge) -> None:
    for path in ("/r/AMY/", "/v1/codes/", "/healthz/"):
        answer = edge.nobody.get(path, headers={"host": "evil.example"})
        assert answer.status_code == 404
        assert "evil" not in str(answer.headers)


def test_wrong_keys_of_the_reports_are_slowed_down(warehouse: httpx.Client) -> None:
    headers = {"authorization": "Bearer guess"}
    answers = [warehouse.get("/v1/reports", headers=headers) for _ in range(40)]
    assert answers[0].status_code == 401
    assert refused(answers[-1]) == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert warehouse.get("/v1/reports").status_code == 200


def test_a_request_line_that_is_none(edge: RunningEdge) -> None:
    parts = urlsplit(edge.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as raw:
        raw.sendall(b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 400 ")
