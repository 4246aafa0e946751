"""The API of codes over HTTP, on a real store and a real Kafka: one collector for all tests."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from support.collector import PUBLISHABLE, SECRET, RunningCollector, running_collector
from support.kafka import RunningKafka, TestInstallation
from support.log import read_committed

from reftrail.contracts.topics import CODES, EVENTS
from reftrail.local.topics import create_topics


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
    return made


@pytest.fixture(scope="module")
def collector(
    installation: TestInstallation, tmp_path_factory: pytest.TempPathFactory, reports: Reports
) -> Iterator[RunningCollector]:
    directory: Path = tmp_path_factory.mktemp("codes-api")
    settings = {
        "codes_store": f"sqlite:///{directory}/codes.sqlite",
        "codes_secret": "c1:" + "7a" * 32,
        "reports_url": reports.url,
        "landing_url": "https://shop.example/welcome?lang=en",
        "secret_rate": "2000",
        "address_rate": "2",
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
        assert says is None or says in answer.json()["error"]
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
