"""The API of codes over HTTP, on a real store and a real Kafka: one collector for all tests."""

import asyncio
import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import httpx
import pytest
from support.collector import PUBLISHABLE, SECRET, RunningCollector, running_collector
from support.kafka import RunningKafka, TestInstallation
from support.log import produce, read_committed
from support.metrics import wait_until
from support.programme import campaign

from reftrail import collector as collector_host
from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.host.relay import Relay
from reftrail.codes.store import Store
from reftrail.codes_api.verification import SLOT_SECONDS
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS
from reftrail.local.topics import create_topics

ISSUED_FOR = ("summer", "lists", "once", "spring", "autumn", "bulk", "told", "x", "a")


class Reports:
    """A warehouse that counts two users under each code, but for those it has not heard of."""

    def __init__(self) -> None:
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.keys.add(self.headers["authorization"])
                body = json.dumps(
                    {
                        "as_of": "2026-09-21T14:13:20Z",
                        "views": 5,
                        "clicks": 4,
                        "signups": 3,
                        "purchases": 2,
                        "attributed": 3,
                        "rewards_granted": 4,
                        "users_rewarded": 2,
                    }
                ).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.keys: set[str | None] = set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def reports() -> Iterator[Reports]:
    running = Reports()
    yield running
    running.server.shutdown()


@pytest.fixture(scope="module")
def installation(kafka: RunningKafka) -> TestInstallation:
    made = TestInstallation(
        bootstrap_servers=kafka.bootstrap_servers,
        topic_prefix=f"test-{secrets.token_hex(4)}.",
        partitions=2,
    )
    create_topics(made, made.partitions)
    produce(made, CAMPAIGNS, [campaign(name) for name in ISSUED_FOR])
    return made


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/codes.sqlite"


@contextmanager
def relaying(installation: TestInstallation, store_url: str) -> Iterator[None]:
    """The work of the host of codes for a store."""
    with closing(Store.open(store_url)) as store:
        loop = asyncio.new_event_loop()
        relaying = loop.create_task(Relay(installation, store).run())

        def run() -> None:
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(relaying)

        thread = Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(relaying.cancel)
            thread.join()
            loop.close()


@pytest.fixture(scope="module")
def collector(
    installation: TestInstallation,
    store_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    reports: Reports,
) -> Iterator[RunningCollector]:
    directory: Path = tmp_path_factory.mktemp("codes-api")
    settings = {
        "codes_store": store_url,
        "codes_secret": "c1:" + "7a" * 32,
        "reports_url": reports.url,
        "landing_url": "https://shop.example/welcome?lang=en",
        "secret_rate": "2000",
        "address_rate": "2",
        "trusted_proxies": "127.0.0.1",
    }
    with running_collector(installation, directory / "collector.log", **settings) as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def api(collector: RunningCollector) -> Iterator[httpx.Client]:
    with collector.client() as client:
        client.headers["x-actor"] = "ann@shop.example"
        yield client


def issued(api: httpx.Client, **body: Any) -> Any:
    answer = api.post("/v1/codes", json={"campaign_id": "summer"} | body)
    assert answer.status_code == 201, answer.text
    return answer.json()["codes"][0]


def test_the_life_of_a_code(api: httpx.Client) -> None:
    made = issued(
        api,
        owner_user_id="amy",
        max_uses=5,
        max_distributes=10,
        channel_limits={"mail": 2},
        expires_at="2099-01-01T00:00:00Z",
        record={"kind": "ticket", "id": "T-1"},
        reason="a friend",
    )
    code = made["code"]
    assert (made["status"], made["owner_user_id"], made["revision"]) == ("active", "amy", 1)
    assert made["expires_at"] == "2099-01-01T00:00:00.000Z"
    assert made["link"] == f"https://shop.example/welcome?lang=en&ref={code}"

    for act, body, status, says in (
        ("distribute", {"channel": "mail", "count": 2}, 200, None),
        ("distribute", {"channel": "mail"}, 409, "2 times through mail"),
        ("bind", {"owner_user_id": "bob"}, 409, "another owner"),
        ("bind", {}, 422, "give owner_user_id"),
        ("suspend", {"reason": "odd traffic"}, 200, None),
        ("distribute", {}, 409, "suspended"),
        ("reactivate", {}, 200, None),
    ):
        answer = api.post(f"/v1/codes/{code}/{act}", json=body)
        assert answer.status_code == status, (act, answer.text)
        assert says is None or says in answer.json()["detail"]
    changed = api.patch(f"/v1/codes/{code}", json={"notes": "VIP", "expires_at": None}).json()
    assert (changed["code"]["notes"], changed["code"]["expires_at"]) == ("VIP", None)

    found = api.get(f"/v1/codes/{code}").json()
    assert found["counters"] == {
        "distributed": 2,
        "views": 5,
        "clicks": 4,
        "signups": 3,
        "purchases": 2,
        "attributed": 3,
        "rewards_granted": 4,
        "uses": 2,
        "uses_left": 3,
    }
    assert found["counters_as_of"] == "2026-09-21T14:13:20Z"

    again = api.post(f"/v1/codes/{code}/reissue").json()
    assert (again["old"]["status"], again["old"]["record"]) == ("revoked", None)
    assert (again["code"]["owner_user_id"], again["code"]["record"]) == ("amy", None)
    new = again["code"]["code"]
    assert api.get(f"/v1/codes/{new}").json()["record"] == {"kind": "ticket", "id": "T-1"}
    assert api.post(f"/v1/codes/{code}/reactivate").status_code == 409
    assert api.post(f"/v1/codes/{new}/expire").json()["code"]["status"] == "expired"
    assert api.post(f"/v1/codes/{new}/revoke").json()["code"]["status"] == "revoked"

    acts = api.get(f"/v1/codes/{code}/audit").json()["acts"]
    assert [act["act"] for act in acts] == [
        "issued",
        "distributed",
        "suspended",
        "reactivated",
        "changed",
        "reissued",
    ]
    assert acts[2]["reason"] == "odd traffic"
    assert {act["actor"].partition(" for ")[2] for act in acts} == {"ann@shop.example"}
    assert SECRET not in json.dumps(acts)


def test_batches_and_lists(api: httpx.Client) -> None:
    each = [{"campaign_id": "lists", "owner_user_id": f"user-{n}"} for n in range(7)]
    made = api.post("/v1/codes", json={"codes": each}).json()["codes"]
    assert [code["owner_user_id"] for code in made] == [item["owner_user_id"] for item in each]
    alike = api.post("/v1/codes", json={"campaign_id": "lists", "count": 3}).json()["codes"]
    existing = [{"code": f"OLD-{n}", "campaign_id": "lists"} for n in range(2)]
    taken = api.post("/v1/codes", json={"existing": existing})
    assert [code["code"] for code in taken.json()["codes"]] == ["OLD-0", "OLD-1"]
    clash = [{"code": "NEW-1", "campaign_id": "lists"}, {"code": "OLD-1", "campaign_id": "x"}]
    assert api.post("/v1/codes", json={"existing": clash}).status_code == 409
    assert api.get("/v1/codes/NEW-1").status_code == 404

    seen = []
    query = {"campaign": "lists", "limit": "5"}
    while query.get("cursor", "") is not None:
        page = api.get("/v1/codes", params=query).json()
        seen += [code["code"] for code in page["codes"]]
        query["cursor"] = page["next_cursor"]
    assert sorted(seen) == sorted(code["code"] for code in [*made, *alike, *taken.json()["codes"]])
    (hers,) = api.get("/v1/codes", params={"owner": "user-3", "campaign": "lists"}).json()["codes"]
    assert hers["code"] == made[3]["code"]
    old = api.get("/v1/codes", params={"prefix": "OLD-", "status": "active"}).json()["codes"]
    assert len(old) == 2
    assert api.get("/v1/codes", params={"prefix": "OLD-", "status": "revoked"}).json() == {
        "codes": [],
        "next_cursor": None,
    }
    for name, value in (("limit", "0"), ("limit", "1001"), ("status", "gone"), ("owners", "a")):
        answer = api.get("/v1/codes", params={name: value})
        assert (answer.status_code, answer.json()["pointer"]) == (422, f"/{name}")
    assert api.get("/v1/codes?cursor=x").status_code == 422


def test_derived_codes_are_issued_verified_and_bound(api: httpx.Client) -> None:
    define = {"kind": "derived", "pattern": "SPR{body:8}{check}", "campaign_id": "spring"}
    assert api.put("/v1/code-formats/spring", json=define).status_code == 200
    body = {"format": "spring", "count": 20}
    answer = api.post("/v1/codes", json=body, headers={"idempotency-key": "spring 1"})
    codes = answer.json()["codes"]
    assert [code["sequence"] for code in codes] == list(range(1, 21))
    found = api.get(f"/v1/codes/{codes[4]['code'].lower()}").json()
    assert (found["registered"], found["sequence"], found["campaign_id"]) == (False, 5, "spring")
    bound = api.post(f"/v1/codes/{codes[4]['code']}/bind", json={"owner_user_id": "amy"}).json()
    assert (bound["code"]["registered"], bound["code"]["owner_user_id"]) == (True, "amy")

    other = api.put("/v1/code-formats/spring", json=define | {"campaign_id": "autumn"})
    assert other.status_code == 409
    spring, *_ = [
        format_
        for format_ in api.get("/v1/code-formats").json()["formats"]
        if format_["name"] == "spring"
    ]
    assert (spring["used"], spring["kind"]) == (20, "derived")
    wrong = api.put("/v1/code-formats/spring2", json=define | {"kind": "secret"})
    assert (wrong.status_code, wrong.json()["pointer"]) == (422, "/kind")
    assert api.post("/v1/code-formats/none/retire").status_code == 404


def test_a_chosen_code_is_refused_with_another_that_would_do(api: httpx.Client) -> None:
    made = issued(api, code="Amy-Smith", owner_user_id="amy")
    assert (made["code"], made["origin"]) == ("AMY-SMITH", "vanity")
    taken = api.post("/v1/codes", json={"campaign_id": "summer", "code": "AMY-SM1TH"})
    assert taken.status_code == 409
    refused = api.post("/v1/codes", json={"campaign_id": "summer", "code": "AMY\u0410"})
    assert (refused.status_code, refused.json()["suggestion"]) == (422, "AMYA")


def test_a_request_is_done_once_under_one_idempotency_key(api: httpx.Client) -> None:
    def send(_: int) -> httpx.Response:
        return api.post(
            "/v1/codes",
            json={"campaign_id": "once", "count": 5},
            headers={"idempotency-key": "order 17"},
        )

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(16)))
    assert {answer.status_code for answer in answers} == {201}
    answered = [json.dumps(answer.json()["codes"]) for answer in answers]
    assert len(set(answered)) == 1
    assert sum("idempotent-replay" in answer.headers for answer in answers) == 15
    assert len(api.get("/v1/codes?campaign=once").json()["codes"]) == 5

    other = api.post(
        "/v1/codes", json={"campaign_id": "once"}, headers={"idempotency-key": "order 17"}
    )
    assert other.status_code == 422
    code = answers[0].json()["codes"][0]["code"]
    for _ in range(3):
        api.post(f"/v1/codes/{code}/distribute", json={}, headers={"idempotency-key": "hand 1"})
    assert api.get(f"/v1/codes/{code}").json()["distributed"] == 1
    refused = {"idempotency-key": "hand 2"}
    assert api.post(f"/v1/codes/{code}/reactivate", headers=refused).status_code == 200


def test_verify_says_why_to_a_secret_key(api: httpx.Client) -> None:
    good = issued(api, channels=["mail"], regions=["DE"])["code"]
    over = issued(api, expires_at="2020-01-01T00:00:00Z")["code"]
    used = issued(api, max_uses=2)["code"]
    revoked = issued(api)["code"]
    api.post(f"/v1/codes/{revoked}/revoke")
    derived = api.get("/v1/code-formats").json()
    assert any(format_["name"] == "spring" for format_ in derived["formats"])

    for body, answer in (
        ({"code": f" {good.lower()} ", "channel": "mail", "region": "DE"}, "valid"),
        ({"code": good, "channel": "web"}, "wrong_channel"),
        ({"code": good, "region": "FR"}, "wrong_region"),
        ({"code": over}, "expired"),
        ({"code": used}, "used_up"),
        ({"code": revoked}, "revoked"),
        ({"code": "NOBODY"}, "unknown"),
        ({"code": "SPR!"}, "malformed"),
        ({"code": forged()}, "forged"),
    ):
        found = api.post("/v1/codes/verify", json=body).json()
        assert (found["answer"], found["valid"]) == (answer, answer == "valid"), body
    assert api.post("/v1/codes/verify", json={"code": "SPR!"}).json()["position"] == 4
    assert api.post("/v1/codes/verify", json={"code": good}).json()["registered"]["code"] == good


def forged() -> str:
    """Written like a code of spring, and none."""
    return Pattern.of("SPR{body:8}{check}").generate()


def test_a_publishable_key_is_told_valid_or_not_and_after_the_same_time(
    api: httpx.Client, collector: RunningCollector
) -> None:
    good = issued(api, max_uses=3)["code"]
    over = issued(api, expires_at="2020-01-01T00:00:00Z")["code"]
    used = issued(api, max_uses=1)["code"]
    codes = {good: True, over: False, used: False, "NOBODY": False, forged(): False}
    with collector.client(PUBLISHABLE) as page:
        page.get("/healthz")
        for code, valid in codes.items():
            began = time.perf_counter()
            answer = page.post("/v1/codes/verify", json={"code": code})
            took = time.perf_counter() - began
            assert took >= SLOT_SECONDS, f"{code} took {took} s"  # which comes at its end
            assert (answer.status_code, answer.json()) == (200, {"valid": valid}), code
        for method, path in (
            ("GET", "/v1/codes"),
            ("POST", "/v1/codes"),
            ("GET", f"/v1/codes/{good}"),
            ("POST", f"/v1/codes/{good}/revoke"),
            ("PUT", "/v1/code-formats/x"),
        ):
            answer = page.request(method, path, json={})
            assert answer.status_code == 403, path
            assert "secret key" in answer.json()["detail"]
    with collector.client(None) as nobody:
        assert nobody.post("/v1/codes/verify", json={"code": good}).status_code == 401


def test_guessing_is_slowed_down(collector: RunningCollector) -> None:
    """Two a second and a burst of sixty: a wrong guess costs five of them."""
    answers: list[int] = []
    with collector.client(PUBLISHABLE) as page:
        page.headers["x-forwarded-for"] = "203.0.113.9"
        while 429 not in answers:
            answer = page.post("/v1/codes/verify", json={"code": f"GUESS{len(answers)}"})
            answers.append(answer.status_code)
            assert len(answers) < 40
        page.headers["x-forwarded-for"] = "203.0.113.10"
        assert page.post("/v1/codes/verify", json={"code": "GUESS"}).status_code == 200
    assert int(answer.headers["retry-after"]) >= 1
    assert "ask again" in answer.json()["detail"]
    limited = 'reftrail_collector_codes_limited_total{key="publishable",scope="address"}'
    assert collector.metric(limited) == 1
    verified = "reftrail_collector_codes_verified_total"
    assert collector.metric(verified + '{answer="not valid",key="publishable"}') >= 5
    assert collector.metric(verified + '{answer="unknown",key="publishable"}') == 0


def test_bodies_that_make_no_sense(api: httpx.Client) -> None:
    for body, status, pointer in (
        (b"{", 400, None),
        (b"[]", 422, ""),
        (b"{}", 422, "/campaign_id"),
        (b'{"campaign_id": "sumer"}', 422, "/campaign_id"),
        (b'{"campaign_id": "a", "colour": 1}', 422, "/colour"),
        (b'{"campaign_id": "a", "count": "3"}', 422, "/count"),
        (b'{"campaign_id": "a", "count": 1001}', 422, "/count"),
        (b'{"campaign_id": "a", "expires_at": "tomorrow"}', 422, "/expires_at"),
        (b'{"campaign_id": "a", "record": {"kind": "x"}}', 422, "/record/id"),
        (b'{"codes": [{"campaign_id": "a"}, {}]}', 422, "/codes/1/campaign_id"),
        (b'{"campaign_id": "a", "segments": {"by": "x"}}', 422, "/segments"),
        (b'{"campaign_id": "a", "format": "none"}', 404, None),
        (b" " * (2**20 + 1), 413, None),
    ):
        answer = api.post("/v1/codes", content=body)
        assert (answer.status_code, answer.json().get("pointer")) == (status, pointer), body[:50]
    assert api.post("/v1/codes/NOBODY/revoke").status_code == 404
    assert api.get("/v1/codes/NOBODY/audit").status_code == 404
    assert api.post("/v1/codes", json={}, headers={"x-actor": "a\tb"}).status_code == 422
    assert api.post("/v1/codes/x/bind?wait=yes", json={"owner_user_id": "a"}).status_code == 422


def test_pictures_lead_to_the_landing_page(api: httpx.Client) -> None:
    code = issued(api)["code"]
    png = api.get(f"/v1/codes/{code}/qr.png")
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG")
    svg = api.get(f"/v1/codes/{code}/qr.svg", params={"url": "https://other.example/"})
    assert svg.headers["content-type"] == "image/svg+xml"
    assert b"<svg" in svg.content
    assert api.get(f"/v1/codes/{code}/qr.svg?url=javascript:1").json()["pointer"] == "/url"
    assert api.get("/v1/codes/NOBODY/qr.png").status_code == 404


def test_events_are_not_held_up_by_long_lists(
    api: httpx.Client, collector: RunningCollector, installation: TestInstallation
) -> None:
    for _ in range(3):
        assert api.post("/v1/codes", json={"campaign_id": "bulk", "count": 1000}).is_success

    def list_all(_: int) -> int:
        with collector.client() as client:
            seen, query = 0, {"campaign": "bulk", "limit": "1000"}
            while True:
                began = time.perf_counter()
                page = client.get("/v1/codes", params=query).json()
                pages.append(time.perf_counter() - began)
                seen += len(page["codes"])
                if page["next_cursor"] is None:
                    return seen
                query["cursor"] = page["next_cursor"]

    pages: list[float] = []
    waits: list[float] = []
    with ThreadPoolExecutor(6) as threads, collector.client() as client:
        lists = threads.map(list_all, range(12))
        for number in range(40):
            began = time.perf_counter()
            event = {"type": "view", "visitor_id": f"v{number}"}
            assert client.post("/v1/events", json=event).status_code == 202
            waits.append(time.perf_counter() - began)
        assert set(lists) == {3000}
    assert median(waits) < median(pages) / 2, (sorted(waits), sorted(pages))
    assert len(read_committed(installation, EVENTS)) >= 40


def test_answers_say_whether_kafka_has_it(
    api: httpx.Client, installation: TestInstallation, store_url: str
) -> None:
    before = api.post("/v1/codes", json={"campaign_id": "told"}).json()
    assert before["published"] is False
    with relaying(installation, store_url):
        after = api.post("/v1/codes?wait=true", json={"campaign_id": "told"}).json()
        assert after["published"] is True
        on_topic = {entry.record.code for entry in read_committed(installation, CODES)}
        assert {before["codes"][0]["code"], after["codes"][0]["code"]} <= on_topic


@pytest.mark.parametrize("registered", ["AMY-CASE", "Bob-Case"])
def test_what_verify_calls_valid_is_the_code_of_an_event(
    api: httpx.Client,
    collector: RunningCollector,
    installation: TestInstallation,
    store_url: str,
    registered: str,
) -> None:
    """Trimmed and in any case, verified, sent as an event and as a link: one registered code."""
    with relaying(installation, store_url):
        body = {"existing": [{"code": f" {registered} ", "campaign_id": "summer"}]}
        answer = api.post("/v1/codes?wait=true", json=body)
        assert (answer.status_code, answer.json()["published"]) == (201, True), answer.text
    typed = [f"{registered} ", f" {registered}\n", registered.lower(), registered.swapcase()]
    with collector.client(PUBLISHABLE) as page:
        page.headers["x-forwarded-for"] = "198.51.100.9"
        for text in typed:
            assert page.post("/v1/codes/verify", json={"code": text}).json() == {"valid": True}
    for text in typed:
        assert api.post("/v1/codes/verify", json={"code": text}).json()["code"] == registered
    sent = [
        {"type": kind, "visitor_id": registered, "user_id": registered, "code": text}
        for kind in ("click", "signup")
        for text in typed
    ]
    answer = api.post("/v1/events", json={"events": sent})
    assert answer.json() == {"accepted": len(sent), "rejected": []}
    browser = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}
    assert api.get(f"/r/{registered.lower()}%20", headers=browser).status_code == 302

    def written() -> list[Any]:
        found: list[Any] = [entry.record for entry in read_committed(installation, EVENTS)]
        return [event for event in found if str(event.code).casefold() == registered.casefold()]

    wait_until(lambda: len(written()) > len(sent), 180)  # the click of a link isn't waited for
    mine = written()
    assert [(event.code, event.code_known, event.campaign_id) for event in mine] == [
        (registered, True, "summer")
    ] * (len(sent) + 1)

    again = api.post("/v1/codes", json={"campaign_id": "summer", "code": registered.lower()})
    assert again.status_code == 409, again.text
    shown = api.get(f"/v1/codes/{registered.swapcase()}").json()
    assert shown["code"] == registered


README = Path(collector_host.__file__).with_name("README.md").read_text("utf-8")


def test_what_the_readme_shows_is_what_happens(collector: RunningCollector) -> None:
    environment = os.environ | {"URL": collector.url, "SK": SECRET, "PK": PUBLISHABLE}
    shown = re.findall(r"```sh\n(.*?)```\n```json\n(.*?)```", README, re.DOTALL)
    assert len(shown) == README.count("```sh")
    for commands, expected in shown:
        done = subprocess.run(
            ["/bin/sh", "-e"],
            input=commands,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        last = done.stdout.replace("}{", "}\n{").splitlines()[-1]
        assert_holds(json.loads(last), json.loads(expected), commands)


def assert_holds(found: Any, expected: Any, where: str) -> None:
    """Assert that expected fields are there, beside others; … matches anything."""
    match expected:
        case "…":
            pass
        case dict():
            assert expected.keys() <= found.keys(), (where, found)
            for name, value in expected.items():
                assert_holds(found[name], value, f"{where} {name}")
        case list():
            assert len(found) == len(expected), (where, found)
            for code, other in zip(found, expected, strict=True):
                assert_holds(code, other, where)
        case _:
            assert found == expected, where


def test_the_readme_names_every_route(api: httpx.Client) -> None:
    for path in api.get("/v1/openapi.json").json()["paths"]:
        assert f"{path}`" in README, path


def test_the_description_names_every_route(api: httpx.Client) -> None:
    described = api.get("/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert {"/v1/codes", "/v1/codes/verify", "/v1/codes/{code}/reissue"} <= set(described["paths"])
    text = json.dumps(described)
    for reference in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert reference in described["components"]["schemas"]


def test_without_its_store_events_are_accepted_and_codes_say_what_is_missing(
    installation: TestInstallation, tmp_path: Path
) -> None:
    away = tmp_path / "not yet"
    settings = {"codes_store": f"sqlite:///{away}/codes.sqlite"}
    with running_collector(installation, tmp_path / "log", **settings) as running:
        running.wait_ready()
        with running.client() as client:
            answer = client.post("/v1/codes", json={"campaign_id": "a"})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert client.post("/v1/events", json={"type": "view", "visitor_id": "v"}).is_success
            away.mkdir()
            issued = {"campaign_id": "a"}
            wait_until(lambda: client.post("/v1/codes", json=issued).status_code == 201, 180)
