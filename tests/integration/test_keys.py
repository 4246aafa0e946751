"""API keys made by command, followed by hosts that run: valid and ended soon."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import local_http
from support.codes import sqlite_url
from support.codes_host import codes_host
from support.collector import running_collector
from support.kafka import TestInstallation
from support.log import read_committed
from support.metrics import wait_until
from support.warehouse import warehouse
from typer.testing import CliRunner

from reftrail.cli.main import command_line
from reftrail.contracts.api_keys import ApiKeyUsed, hash_of, id_of
from reftrail.contracts.record import Record
from reftrail.contracts.topics import API_KEY_USES, API_KEYS
from reftrail.edge import api_keys_topic
from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.api_keys_topic import KeyUses

EVENT = {"type": "signup", "user_id": "bob"}


def soon(call: Callable[[], int], status: int) -> None:
    """Return when answers have a status, which they then keep."""
    wait_until(lambda: call() == status, seconds=180)
    assert [call() for _ in range(3)] == [status] * 3


class Commands:
    """`reftrail keys` on a store and a Kafka."""

    def __init__(self, installation: TestInstallation, store_url: str) -> None:
        self._known = {
            "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
            "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
            "REFTRAIL_CODES_STORE": store_url,
            "REFTRAIL_ACTOR": "ann",
        }

    def __call__(self, *arguments: str) -> str:
        done = CliRunner().invoke(command_line(("keys",)), ["keys", *arguments], env=self._known)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout.strip()

    def listed(self) -> dict[str, Any]:
        return {row["name"]: row for row in json.loads(self("list", "--json"))}


def test_a_collector_follows_keys(installation: TestInstallation, tmp_path: Path) -> None:
    store_url = sqlite_url(tmp_path)
    keys = Commands(installation, store_url)
    with (
        codes_host(installation, store_url, tmp_path / "codes.log"),
        running_collector(installation, tmp_path / "collector.log", secret_keys="") as collector,
    ):
        collector.wait_ready()

        def sent(key: str, path: str = "/v1/events", body: Any = EVENT) -> int:
            headers = {"authorization": f"Bearer {key}"}
            return local_http.post(f"{collector.url}{path}", json=body, headers=headers).status_code

        shop = keys("create", "shop", "--kind", "secret", "--scope", "events:write")
        assert shop.startswith("sk_")
        soon(lambda: sent(shop), 202)
        assert sent(shop, "/v1/reviews", {}) == 403

        again = keys("rotate", "shop")
        soon(lambda: sent(again), 202)
        assert sent(shop) == 202
        assert keys.listed()["shop"]["status"] == "rotating"
        keys("revoke", "shop", "--previous")
        soon(lambda: sent(shop), 401)
        assert sent(again) == 202
        keys("revoke", "shop", "--reason", "moved")
        soon(lambda: sent(again), 401)
        found = keys.listed()["shop"]
        assert (found["status"], found["reason"], found["actor"]) == ("revoked", "moved", "ann")

        page = keys("create", "page", "--kind", "publishable", "--origin", "https://shop.example")
        view = {"type": "view", "visitor_id": "v1"}

        def beacon(origin: str, key: str = page) -> int:
            """As `navigator.sendBeacon` posts a text: no header but the browser's own."""
            return local_http.post(
                f"{collector.url}/v1/events",
                content=json.dumps({"key": key, "events": [view]}),
                headers={"content-type": "text/plain;charset=UTF-8", "origin": origin},
            ).status_code

        soon(lambda: beacon("https://shop.example"), 202)
        assert beacon("https://evil.example") == 403
    records = repr([logged.record for logged in read_committed(installation, API_KEYS)])
    for text in (shop, again, page):
        assert text not in records


def test_a_warehouse_follows_keys(installation: TestInstallation, tmp_path: Path) -> None:
    keys = Commands(installation, sqlite_url(tmp_path))  # which sends them itself
    with warehouse(installation, tmp_path / "warehouse") as reports:

        def asked(key: str, path: str = "/v1/reports") -> int:
            return reports.get(path, key).status_code

        desk = keys("create", "desk", "--kind", "secret", "--scope", "reports:read")
        soon(lambda: asked(desk), 200)
        assert asked(desk, "/v1/users/amy/rewards") == 403
        assert asked("sk_wrong") == 401
        keys("revoke", "desk")
        soon(lambda: asked(desk), 401)


async def test_a_host_tells_when_a_key_was_last_used(
    installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys_topic, "_REPORT_SECONDS", 0.05)
    known = ApiKeys.of(secret=["sk_a"])
    telling = asyncio.create_task(KeyUses(installation, known, "collector").run())

    def read_uses() -> list[Record]:
        return [logged.record for logged in read_committed(installation, API_KEY_USES)]

    try:
        for uses in (1, 2):
            known.find("sk_a")
            are_there = partial(lambda uses: len(read_uses()) >= uses, uses)
            await asyncio.to_thread(wait_until, are_there, seconds=60)
    finally:
        telling.cancel()
    found = await asyncio.to_thread(read_uses)
    assert len(found) == 2
    for used in found:
        assert isinstance(used, ApiKeyUsed)
        assert (used.key_id, used.host) == (id_of(hash_of("sk_a")), "collector")
