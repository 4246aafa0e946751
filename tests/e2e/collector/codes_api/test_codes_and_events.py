"""Codes and events in one collector: published codes are known, and neither waits for the other."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest
from support.codes_api import relaying
from support.collector import PUBLISHABLE, RunningCollector, running_collector
from support.kafka import TestInstallation
from support.log import read_committed
from support.metrics import wait_until

from reftrail.contracts.topics import CODES, EVENTS


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
