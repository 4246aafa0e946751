"""A collector's start, health and end: wrong settings, no broker, SIGTERM."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support import local_http
from support.collected_events import Written, click
from support.collector import RunningCollector, running_collector
from support.kafka import TestInstallation
from support.metrics import wait_until


def test_health_readiness_and_metrics(collector: RunningCollector) -> None:
    with collector.client(None) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"ready": True}
        metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "reftrail_collector_broker_up 1.0" in metrics.text


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


def test_it_starts_without_kafka_and_says_so(tmp_path: Path) -> None:
    nowhere = TestInstallation(bootstrap_servers="127.0.0.1:1", partitions=4)
    hurry = {"ack_timeout_seconds": "5", "redirect_timeout_seconds": "0.5"}
    with running_collector(nowhere, tmp_path / "log", **hurry) as collector:
        wait_until(lambda: local_http.answers(f"{collector.url}/healthz"), 180)
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
