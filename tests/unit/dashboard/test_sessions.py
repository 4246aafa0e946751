"""Signing in, sessions, and what a session may see."""

import gzip
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support.authorizing import authorizing
from support.clickhouse import ClickHouse
from support.dashboard import KEY, SECRET, dashboard_app

from reftrail.dashboard.sealing import Seal
from reftrail.dashboard.sessions import COOKIE, Sessions
from reftrail.warehouse.http import application
from reftrail.warehouse.metrics import WarehouseMetrics
from reftrail.warehouse.progress import LoadedPositions

HTML = {"accept": "text/html,*/*", "host": "reports"}


@pytest.fixture
async def browser(clickhouse: ClickHouse) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=dashboard_app(clickhouse), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://reports", headers=HTML
    ) as client:
        yield client


async def sign_in(
    browser: httpx.AsyncClient, key: str = KEY, following: str = "/", **headers: str
) -> httpx.Response:
    """Sign in; the cookie, which is for HTTPS, is kept for this client's plain HTTP."""
    answer = await browser.post("/signin", data={"key": key, "next": following}, headers=headers)
    if COOKIE in answer.cookies or "set-cookie" in answer.headers:
        found = re.search(rf"{COOKIE}=([^;]+)", answer.headers["set-cookie"])
        assert found
        browser.headers["cookie"] = f"{COOKIE}={found[1]}"
    return answer


async def test_a_session_is_a_strict_cookie_that_scripts_and_http_never_see(
    browser: httpx.AsyncClient,
) -> None:
    answer = await sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "secure", "path=/", "max-age=3600"} <= {
        attribute.strip() for attribute in cookie.split(";")
    }
    assert KEY not in answer.headers["set-cookie"]
    assert (await browser.get("/reports")).status_code == 200


async def test_on_this_machine_a_session_needs_no_https(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/signin", data={"key": KEY}, headers={"host": "127.0.0.1:6067"})
    assert "secure" not in answer.headers["set-cookie"].lower()


async def test_who_is_not_signed_in_is_led_to_the_form_and_back(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/reports/funnel?by=code")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/signin?next=%2Freports%2Ffunnel%3Fby%3Dcode"
    form = await browser.get(answer.headers["location"])
    assert 'value="/reports/funnel?by=code"' in form.text
    answer = await sign_in(browser, following="/reports/funnel?by=code")
    assert answer.headers["location"] == "/reports/funnel?by=code"


@pytest.mark.parametrize(
    "following", ["https://evil.test/", "//evil.test", "/\\evil.test", "evil", "/a\nb", "/signin"]
)
async def test_nobody_is_led_elsewhere(browser: httpx.AsyncClient, following: str) -> None:
    answer = await sign_in(browser, following=following)
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("key", ["", "sk_wrong", "pk_page", "<script>"])
async def test_other_keys_begin_no_session(browser: httpx.AsyncClient, key: str) -> None:
    answer = await sign_in(browser, key)
    assert answer.status_code == 403
    assert "no secret key that is good now" in answer.text
    assert "set-cookie" not in answer.headers
    assert "<script>" not in answer.text.replace("<script src", "")


async def test_wrong_keys_are_slowed_down(browser: httpx.AsyncClient) -> None:
    answers = [(await sign_in(browser, "sk_wrong")).status_code for _ in range(40)]
    assert answers[-1] == 429


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "null"},
        {"origin": "http://[x"},
    ],
)
async def test_a_form_on_another_site_signs_nobody_in(
    browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await sign_in(browser, **headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/signin", "/signout", "/review"])
async def test_a_compressed_form_is_refused(browser: httpx.AsyncClient, path: str) -> None:
    await sign_in(browser)
    headers = {"content-encoding": "gzip", "content-type": "application/x-www-form-urlencoded"}
    answer = await browser.post(path, content=gzip.compress(b"key=sk_people"), headers=headers)
    assert answer.status_code == 415
    assert "send the form as it is" in answer.text


async def test_static_files_are_those_of_the_package(browser: httpx.AsyncClient) -> None:
    for name in ("dashboard.css", "live.js", "icon.svg"):
        assert (await browser.get(f"/static/{name}")).status_code == 200
    for name in ("__init__.py", "nothing.css", "%00.css", "x" * 300 + ".css"):
        assert (await browser.get(f"/static/{name}")).status_code == 404, name


async def test_a_session_reads_the_api_too_and_writes_nothing_there(
    browser: httpx.AsyncClient,
) -> None:
    await sign_in(browser)
    assert (await browser.get("/v1/reports/funnel?by=all")).json()["rows"][0]["views"] == 0
    assert (await browser.post("/v1/reports/funnel")).status_code == 405


async def test_a_session_may_do_what_its_key_may(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "sk_reports")
    assert (await browser.get("/reports")).status_code == 200
    answer = await browser.get("/activity")
    assert answer.status_code == 403
    assert "the key reports lacks the scope users:read" in answer.text
    assert 'href="/activity' not in (await browser.get("/")).text


async def test_a_session_ends_with_its_time_or_its_key(clickhouse: ClickHouse) -> None:
    app = dashboard_app(clickhouse)
    transport = httpx.ASGITransport(app=app)
    at = [1_000.0]
    seal = Seal(SECRET, "session", lambda: at[0])
    assert seal.open(seal.close({"key": KEY}, 60)) == {"key": KEY}
    sealed = seal.close({"key": KEY}, 60)
    at[0] += 60
    assert seal.open(sealed) is None
    gone = Seal(SECRET, "session").close({"key": "sk_revoked", "id": "1"}, 60)
    for text in (sealed, gone, "rubbish", "é", Seal("x" * 40, "session").close({"key": KEY}, 60)):
        async with httpx.AsyncClient(transport=transport, base_url="http://reports") as client:
            cookie = f"{COOKIE}={text}".encode()
            answer = await client.get("/reports", headers=[(b"cookie", cookie)])
        assert answer.status_code == 401, text


def test_what_is_sealed_for_one_purpose_is_not_opened_for_another() -> None:
    assert Seal(SECRET, "user").open(Seal(SECRET, "session").close({"key": KEY}, 60)) is None


async def test_signing_out_needs_the_sessions_own_form(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    refused = await browser.post("/signout", data={"csrf": "0" * 64})
    assert (refused.status_code, "set-cookie" in refused.headers) == (400, False)
    found = re.search(r'name="csrf" value="(\w+)"', (await browser.get("/reports")).text)
    assert found
    crossed = {"sec-fetch-site": "same-site"}
    refused = await browser.post("/signout", data={"csrf": found[1]}, headers=crossed)
    assert refused.status_code == 400
    answer = await browser.post("/signout", data={"csrf": found[1]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin")
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    copied = browser.headers["cookie"]
    for method, path in (("GET", "/v1/reports/funnel?by=all"), ("GET", "/reports")):
        kept = await browser.request(method, path, headers={"cookie": copied, "accept": "*/*"})
        assert kept.status_code == 401, path
    await sign_in(browser)
    assert (await browser.get("/reports")).status_code == 200


def test_ended_sessions_are_kept_no_longer_than_they_would_last() -> None:
    at = [1_000.0]
    sessions = Sessions(SECRET, 60, lambda: at[0])
    for nth in range(3):
        response = Response()
        sessions.begin(_request(), response, KEY)
        cookie = response.headers["set-cookie"].partition(";")[0]
        assert sessions.key_of(_request(cookie)) == KEY
        sessions.end(_request(cookie), Response())
        assert sessions.key_of(_request(cookie)) is None
        assert sessions.ended == (nth + 1 if nth < 2 else 1)
        at[0] += 61 if nth == 1 else 1


def _request(cookie: str = "") -> Request:
    headers = [(b"host", b"reports"), (b"cookie", cookie.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


async def test_only_a_bearer_key_replaces_the_session(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    basic = {"authorization": "Basic Zm9vOmJhcg=="}
    assert (await browser.get("/reports", headers=basic)).status_code == 200
    bearer = {"authorization": "Bearer sk_wrong", "accept": "*/*"}
    assert (await browser.get("/reports", headers=bearer)).status_code == 401


async def test_pages_without_any_key_use_up_no_ones_sign_in(browser: httpx.AsyncClient) -> None:
    for _ in range(40):
        assert (await browser.get("/reports")).status_code == 303
    assert (await sign_in(browser)).status_code == 303


async def test_a_page_says_when_to_try_again(browser: httpx.AsyncClient) -> None:
    wrong = {"authorization": "Bearer sk_wrong"}
    for _ in range(40):
        answer = await browser.get("/reports", headers=wrong)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (429, "text/html")
    assert int(answer.headers["retry-after"]) >= 1
    answer = await sign_in(browser, "sk_wrong")
    assert (answer.status_code, int(answer.headers["retry-after"]) >= 1) == (429, True)


async def test_a_link_on_another_site_opens_the_page_again_with_the_session(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/reports", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0"' in answer.text


async def test_without_a_secret_there_are_no_pages(clickhouse: ClickHouse) -> None:
    app = application(
        clickhouse.reading,
        clickhouse.reading,
        authorizing(KEY),
        LoadedPositions(),
        WarehouseMetrics(),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://reports") as client:
        for path in ("/", "/signin", "/static/dashboard.css"):
            assert (await client.get(path)).status_code == 404
