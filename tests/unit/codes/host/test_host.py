"""The host of codes: its pages, what it does from time to time, how it refuses to start."""

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from support.codes import BY, SUMMER, sqlite_url

from reftrail.codes.host.http import application
from reftrail.codes.host.main import _tidy_once
from reftrail.codes.host.metrics import RelayMetrics
from reftrail.codes.service import CodeService
from reftrail.codes.service.metrics import CodeMetrics
from reftrail.codes.store import Store
from reftrail.contracts.times import now


@dataclass
class Part:
    answered_at: float | None


async def test_it_is_ready_once_all_its_parts_are_and_as_long_as_they_answer() -> None:
    relay, registrar = Part(time.monotonic()), Part(None)
    metrics = CodeMetrics()
    metrics.collisions.labels("tiny").inc()
    app = application({"relay": relay, "registrar": registrar}, metrics.registry)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "registrar": "not connected yet"}
        registrar.answered_at = time.monotonic()
        assert (await client.get("/readyz")).json() == {"ready": True}
        relay.answered_at = time.monotonic() - 60
        assert "no answer for 60 s" in (await client.get("/readyz")).json()["relay"]
        figures = (await client.get("/metrics")).text
    assert 'reftrail_codes_collisions_total{format="tiny"} 1.0' in figures


def test_what_time_has_changed_is_noted(tmp_path: Path) -> None:
    store, found = Store.open(sqlite_url(tmp_path)), RelayMetrics()
    codes = CodeService(store)
    over = codes.issue(replace(SUMMER, expires_at=now()), BY).code
    good = codes.issue(replace(SUMMER, expires_at=now() + 60_000), BY).code
    _tidy_once(store, codes, found)
    assert [codes.audit(code)[-1].act for code in (over, good)] == ["expired", "issued"]
    assert codes.audit(over)[-1].actor == "codes"
    assert found.waiting._value.get() == 8
    assert codes.metrics.space_used.labels("random")._value.get() > 0
    store.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "REFTRAIL_CODES_STORE: Field required"),
        ({"REFTRAIL_CODES_STORE": "mysql://h/d"}, "SQLite and PostgreSQL are what is tested"),
        (
            {"REFTRAIL_CODES_STORE": "sqlite://", "REFTRAIL_CODES_SECRET": "short"},
            "REFTRAIL_CODES_SECRET must be an id, a colon",
        ),
    ],
)
def test_it_says_what_is_wrong_with_its_settings(settings: dict[str, str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reftrail.codes"],
        env={"REFTRAIL_BOOTSTRAP_SERVERS": "127.0.0.1:1"} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"error: {says}" in done.stderr or says in done.stderr
    assert "Traceback" not in done.stderr
