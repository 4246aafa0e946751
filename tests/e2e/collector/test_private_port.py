"""Readiness and metrics on a port of their own; the public one doesn't answer them then."""

from pathlib import Path

from support import local_http
from support.collector import running_collector
from support.kafka import TestInstallation
from support.metrics import wait_until

from reftrail.local.ports import free_port

NOWHERE = TestInstallation(bootstrap_servers="127.0.0.1:1", partitions=4)


def statuses(url: str) -> dict[str, int]:
    paths = ("/healthz", "/readyz", "/metrics", "/v1/openapi.json")
    return {path: local_http.get(url + path, timeout=10).status_code for path in paths}


def test_metrics_and_readiness_are_public_unless_a_private_port_is_set(tmp_path: Path) -> None:
    with running_collector(NOWHERE, tmp_path / "log") as collector:
        wait_until(lambda: local_http.answers(f"{collector.url}/healthz"), 180)
        assert statuses(collector.url) == {
            "/healthz": 200,
            "/readyz": 503,
            "/metrics": 200,
            "/v1/openapi.json": 200,
        }


def test_metrics_and_readiness_are_on_the_private_port_alone(tmp_path: Path) -> None:
    port = str(free_port())
    with running_collector(NOWHERE, tmp_path / "log", collector_private_port=port) as collector:
        private = f"http://127.0.0.1:{port}"
        wait_until(
            lambda: (
                local_http.answers(f"{collector.url}/healthz")
                and local_http.answers(f"{private}/healthz")
            ),
            180,
        )
        assert statuses(collector.url) == {
            "/healthz": 200,
            "/readyz": 404,
            "/metrics": 404,
            "/v1/openapi.json": 200,
        }
        assert statuses(private) == {
            "/healthz": 200,
            "/readyz": 503,
            "/metrics": 200,
            "/v1/openapi.json": 404,
        }
        collector.process.terminate()
        assert collector.process.wait(180) == 0, collector.log.read_text()


def test_a_private_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with running_collector(NOWHERE, tmp_path / "one") as first:
        wait_until(lambda: local_http.answers(f"{first.url}/healthz"), 180)
        port = first.url.rpartition(":")[2]
        with running_collector(NOWHERE, tmp_path / "two", collector_private_port=port) as second:
            assert second.process.wait(180) == 1
    assert "set REFTRAIL_COLLECTOR_PRIVATE_PORT to a free port" in (tmp_path / "two").read_text()
