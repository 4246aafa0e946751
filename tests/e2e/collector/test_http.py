"""The collector over HTTP: its answers, and the records on the topic after them."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from support import local_http
from support.collector import PUBLISHABLE, RunningCollector, running_collector
from support.kafka import RunningKafka, TestInstallation, installation_on
from support.log import Logged, ends_of, produce, read_committed
from support.metrics import wait_until

from reftrail.client import NotSent, Reftrail
from reftrail.contracts.events import Click, Event
from reftrail.contracts.record import MINUTE, SECOND
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.times import moment, now
from reftrail.contracts.topics import CODES, EVENTS


def click(**fields: Any) -> dict[str, Any]:
    return {"type": "click", "event_id": str(uuid4()), "visitor_id": "v1"} | fields


def code_changed(code: str) -> CodeChanged:
    return CodeChanged(
        event_id=str(uuid4()),
        event_time=1,
        received_at=1,
        code=code,
        campaign_id="summer",
        category="retail",
        channel="mail",
        created_at=1,
    )


class Written:
    """The events that are written to the topic from now on."""

    def __init__(self, installation: TestInstallation) -> None:
        self._installation = installation
        self._begin = ends_of(installation, EVENTS)

    def logged(self) -> list[Logged]:
        return read_committed(self._installation, EVENTS, self._begin)

    def events(self) -> dict[str, Event]:
        events = [logged.record for logged in self.logged()]
        assert all(isinstance(event, Event) for event in events)
        return {event.event_id: event for event in events}


@pytest.fixture(scope="module")
def installation(kafka: RunningKafka) -> Iterator[TestInstallation]:
    """One for all tests here: each looks at what it has written itself."""
    with installation_on(kafka) as made:
        yield made


@pytest.fixture(scope="module")
def collector(
    installation: TestInstallation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningCollector]:
    """One for all tests that don't end it."""
    log = tmp_path_factory.mktemp("http") / "collector.log"
    with running_collector(installation, log) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def written(installation: TestInstallation) -> Written:
    return Written(installation)


def test_a_phone_s_clock_is_corrected_and_the_answer_says_so(
    collector: RunningCollector, written: Written
) -> None:
    begun = now()

    def at(ahead: int) -> str:
        return moment(now() + ahead).isoformat(timespec="milliseconds")

    def after(answer: httpx.Response) -> int:
        assert answer.status_code == 202
        assert answer.json()["accepted"] == 1
        return int(answer.json()["clock_skew_ms"])

    minutes = {"sent": 6 * MINUTE, "ahead": 4 * MINUTE}
    clicks = {name: click(event_time=at(ahead)) for name, ahead in minutes.items()}
    with collector.client(PUBLISHABLE) as client:
        found = {"events": [clicks["sent"]]}
        assert (
            client.post("/v1/events", json=found).json()["rejected"][0]["pointer"] == "/event_time"
        )
        skews = {
            "sent": after(client.post("/v1/events", json=found | {"sent_at": at(6 * MINUTE)})),
            "ahead": after(client.post("/v1/events", json=clicks["ahead"])),
        }
    for name, ahead in minutes.items():
        event = written.events()[clicks[name]["event_id"]]
        assert event.clock_skew_ms == skews[name]
        assert abs(skews[name] - ahead) < 30 * SECOND
        assert begun - SECOND <= event.event_time <= event.received_at
        assert event.key_kind == "publishable"


def test_what_is_answered_with_202_is_on_the_topic(
    collector: RunningCollector, installation: TestInstallation, written: Written
) -> None:
    sent = [click(visitor_id=f"v{number}") for number in range(1000)]
    with collector.client() as client:
        answer = client.post("/v1/events", json={"events": sent})
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1000, "rejected": []}
    logged = written.logged()
    assert {entry.record.event_id for entry in logged} == {event["event_id"] for event in sent}
    for entry in logged:
        assert isinstance(entry.record, Click)
        assert entry.key == entry.record.visitor_id
        assert entry.partition == EVENTS.partition(entry.key, installation.partitions)


def test_a_visitors_events_keep_their_order(collector: RunningCollector, written: Written) -> None:
    sent = [click(visitor_id=f"v{number % 5}", category=str(number)) for number in range(500)]
    with collector.client() as client:
        for start in range(0, 500, 50):
            assert client.post("/v1/events", json={"events": sent[start : start + 50]}).is_success
    for visitor in range(5):
        numbers = [
            int(entry.record.category) for entry in written.logged() if entry.key == f"v{visitor}"
        ]
        assert numbers == list(range(visitor, 500, 5))


def test_each_event_is_judged_on_its_own(collector: RunningCollector, written: Written) -> None:
    counted = (
        'reftrail_collector_events_rejected_total{field="currency"}',
        'reftrail_collector_events_accepted_total{type="click"}',
    )
    before = {name: collector.metric(name) for name in counted}
    good = click()
    body = {"events": [{"type": "purchase", "user_id": "u", "order_id": "o"}, good, 7]}
    with collector.client() as client:
        answer = client.post("/v1/events", json=body)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert [(r["index"], r["pointer"]) for r in answer.json()["rejected"]] == [
        (0, "/currency"),
        (2, ""),
    ]
    assert written.events().keys() == {good["event_id"]}
    assert {name: collector.metric(name) - count for name, count in before.items()} == {
        'reftrail_collector_events_rejected_total{field="currency"}': 1,
        'reftrail_collector_events_accepted_total{type="click"}': 1,
    }


def test_one_event_may_be_sent_bare(collector: RunningCollector, written: Written) -> None:
    with collector.client() as client:
        answer = client.post("/v1/events", json={"type": "view", "visitor_id": "v"})
    assert answer.json() == {"accepted": 1, "rejected": []}
    (made,) = written.events()
    assert UUID(made).version == 7


def test_an_idempotency_key_gives_the_same_ids_again(
    collector: RunningCollector, written: Written
) -> None:
    events = {"events": [{"type": "view", "visitor_id": "v"}, {"type": "view", "visitor_id": "v"}]}
    with collector.client() as client:
        for key in ("one", "one", "two"):
            client.post("/v1/events", json=events, headers={"idempotency-key": key})
    assert len(written.logged()) == 6
    assert len(written.events()) == 4


def test_without_a_known_key_nothing_is_taken(
    collector: RunningCollector, written: Written
) -> None:
    for key in (None, "sk_unknown"):
        with collector.client(key) as client:
            answer = client.post("/v1/events", json=click())
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer KEY" in answer.json()["detail"]
    assert written.events() == {}


def test_a_refused_key_is_told_by_the_client(collector: RunningCollector) -> None:
    with (
        Reftrail(collector.url, "wrong") as reftrail,
        pytest.raises(NotSent, match="401: give a known API key"),
    ):
        reftrail.send([click()])
    assert local_http.get(f"{collector.url}/healthz").status_code == 200


def test_a_publishable_key_sends_no_money_and_hides_no_address(
    collector: RunningCollector, written: Written
) -> None:
    views = [click(ip="203.0.113.9"), click()]
    signup = {"type": "signup", "user_id": "u"}
    with collector.client(PUBLISHABLE) as client:
        answer = client.post("/v1/events", json={"events": [*views, signup]}).json()
    assert answer["accepted"] == 2
    assert [(r["index"], r["pointer"]) for r in answer["rejected"]] == [(2, "/type")]
    first, second = written.events().values()
    assert first.ip_hash == second.ip_hash is not None


def test_limits(collector: RunningCollector, written: Written) -> None:
    with collector.client() as client:
        many = client.post("/v1/events", json={"events": [click()] * 1001})
        large = client.post("/v1/events", content=b" " * (2**20 + 1))
        streamed = client.post("/v1/events", content=iter([b" " * 2**19] * 3))
        fitting = client.post("/v1/events", json={"events": [click() for _ in range(1000)]})
    assert (many.status_code, large.status_code, streamed.status_code) == (413, 413, 413)
    assert "at most 1000" in many.json()["detail"]
    assert "1048576 bytes" in large.json()["detail"]
    assert fitting.status_code == 202
    assert len(written.events()) == 1000


def test_a_refused_body_leaves_the_connection_as_it_was(collector: RunningCollector) -> None:
    """However much of it was unread: else the next request on the connection fails."""
    with collector.client(None) as client:
        for number in range(40):
            content = iter([b" " * 2**18] * (1 + number % 12))
            refused = client.post("/v1/events", content=content)
            assert refused.status_code in (
                401,
                413,
                429,
            )  # who goes on with a wrong key has to wait
            assert client.get("/healthz").status_code == 200


def test_bodies_that_make_no_sense(collector: RunningCollector) -> None:
    with collector.client() as client:
        for body, says in (
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"\xff", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b"[]", '{"events": [...]}'),
            (b'{"events": {}}', "not an array"),
            (b'{"events": [], "event": 1}', "'event'"),
        ):
            answer = client.post("/v1/events", content=body)
            assert answer.status_code == 400, body[:20]
            assert says in answer.json()["detail"]


def test_a_code_is_known_as_soon_as_it_is_registered(
    collector: RunningCollector, installation: TestInstallation, written: Written
) -> None:
    with collector.client() as client:
        unknown = click(code="LATER")
        assert client.post("/v1/events", json=unknown).is_success
        for number in range(20):
            produce(installation, CODES, [code_changed(f"NEW{number}")])
            known = click(code=f"NEW{number}", channel="own")
            assert client.post("/v1/events", json=known).is_success
            record = written.events()[known["event_id"]]
            assert record.code_known is True
            assert (record.campaign_id, record.category) == ("summer", "retail")
            assert record.channel == "own"
    assert written.events()[unknown["event_id"]].code_known is False


def test_health_readiness_and_metrics(collector: RunningCollector) -> None:
    with collector.client(None) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"ready": True}
        metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "reftrail_collector_broker_up 1.0" in metrics.text


def test_a_link_redirects_counts_and_remembers(
    collector: RunningCollector, installation: TestInstallation, written: Written
) -> None:
    ignored = 'reftrail_collector_redirect_clicks_total{outcome="ignored"}'
    before = collector.metric(ignored)
    produce(installation, CODES, [code_changed("AMY1")])
    browser = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}
    with collector.client(None) as client:
        first = client.get("/r/AMY1", headers=browser)
        again = client.get("/r/AMY1?utm_source=mail", headers=browser)
        for method, headers in (
            ("HEAD", browser),
            ("GET", browser | {"sec-purpose": "prefetch;prerender"}),
            ("GET", {"user-agent": "Googlebot/2.1"}),
        ):
            assert client.request(method, "/r/AMY1", headers=headers).status_code == 302
    assert (first.status_code, again.status_code) == (302, 302)
    landing = "https://shop.example/welcome?lang=en&ref=AMY1&ref_click="
    assert first.headers["location"][:-12] == landing
    assert "utm_source=mail" in again.headers["location"]
    assert first.headers["cache-control"] == "no-store"
    visitor = first.cookies["reftrail_visitor"]
    assert again.cookies["reftrail_visitor"] == visitor
    cookie = first.headers["set-cookie"].lower()
    assert "samesite=lax" in cookie
    assert "max-age=31536000" in cookie
    assert "secure" not in cookie
    # A visitor isn't kept waiting until Kafka has the click.
    wait_until(lambda: len(written.events()) == 2, 180)
    clicks = list(written.events().values())
    assert [(c.visitor_id, c.code, c.code_known) for c in clicks] == [(visitor, "AMY1", True)] * 2
    assert {c.utm_source for c in clicks} == {None, "mail"}
    assert collector.metric(ignored) - before == 3


def test_a_link_leads_nowhere_but_to_the_landing_page(collector: RunningCollector) -> None:
    with collector.client(None) as client:
        for code in (
            "//evil.example",
            "%2F%2Fevil.example",
            "a?ref=x",
            "a&b",
            "a%0d%0ab",
            "x" * 65,
        ):
            answer = client.get(f"/r/{code}")
            if answer.status_code != 404:
                assert answer.status_code == 302
                assert answer.headers["location"].startswith("https://shop.example/welcome?lang=en")


@pytest.fixture
def ending(installation: TestInstallation, tmp_path: Path) -> Iterator[RunningCollector]:
    """A collector of the test's own."""
    with running_collector(installation, tmp_path / "collector.log") as running:
        running.wait_ready()
        yield running


def test_sigterm_answers_what_was_begun(ending: RunningCollector, written: Written) -> None:
    sent: list[str] = []
    acknowledged: list[str] = []
    begun = threading.Event()

    def send() -> None:
        with ending.client() as client:
            while True:
                events = [click() for _ in range(50)]
                sent.extend(event["event_id"] for event in events)
                try:
                    answer = client.post("/v1/events", json={"events": events})
                except httpx.HTTPError:
                    return
                assert answer.status_code == 202
                acknowledged.extend(event["event_id"] for event in events)
                begun.set()

    thread = threading.Thread(target=send)
    thread.start()
    assert begun.wait(60)
    ending.process.send_signal(signal.SIGTERM)
    assert ending.process.wait(180) == 0
    thread.join()
    # Sent, but cut off before it was read: at most the one request that came after the signal.
    assert len(sent) - len(acknowledged) <= 50
    assert written.events().keys() >= set(acknowledged)


def test_settings_that_are_not_right_are_told(tmp_path: Path) -> None:
    def output(**settings: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "reftrail.collector"],
            env={f"REFTRAIL_{name.upper()}": value for name, value in settings.items()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "REFTRAIL_HASH_KEY" in output(bootstrap_servers="127.0.0.1:1")
    right = {"bootstrap_servers": "127.0.0.1:1", "hash_key": "k:" + "5e" * 16, "secret_keys": "s"}
    assert "32 hex digits" in output(**right | {"hash_key": "k:abc"})
    assert "both" in output(**right, publishable_keys="s")
    assert "REFTRAIL_LANDING_URL" in output(**right, landing_url="/welcome")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "cannot listen" in output(**right, collector_port=port)


def answers(collector: RunningCollector) -> bool:
    try:
        return local_http.get(f"{collector.url}/healthz").is_success
    except httpx.HTTPError:
        return False


def test_it_starts_without_kafka_and_says_so(tmp_path: Path) -> None:
    nowhere = TestInstallation(bootstrap_servers="127.0.0.1:1", partitions=4)
    hurry = {"ack_timeout_seconds": "5", "redirect_timeout_seconds": "0.5"}
    with running_collector(nowhere, tmp_path / "log", **hurry) as collector:
        wait_until(lambda: answers(collector), 180)
        with collector.client() as client:
            answer = client.post("/v1/events", json=click())
            began = time.monotonic()
            redirected = client.get("/r/AMY1", headers={"user-agent": "Mozilla/5.0 Firefox/140.0"})
            took = time.monotonic() - began
            ready = client.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "same event_ids" in json.loads(answer.text)["detail"]
    assert ready.status_code == 503
    assert redirected.status_code == 302
    assert took < 5
