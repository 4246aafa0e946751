"""An address, a device, a mailbox and a user agent, sent by every way in: none of them gets out.

Topics have bytes of messages, the warehouse rows, and whoever sends has answers; logs and metrics
are for operators. A rejection quotes no such value either: clients write reasons to their logs.
"""

import json
import logging
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from support.clickhouse import ClickHouse
from support.deliveries import SETTINGS, deliver, payloads
from support.edge import RunningEdge, running_edge

from reftrail.client import Receipt, Rejected
from reftrail.contracts.topics import EVENTS
from reftrail.ingestion import Plan, ingest

ADDRESS: Final = "198.51.100.77"
DEVICE: Final = "planted-device"
EMAIL: Final = "planted.person@mail.example"
AGENT: Final = (
    "Mozilla/5.0 (Linux; Android 10; PlantedModel) Chrome/140.0.7339.51 Mobile Safari/537.36"
)
PLANTED: Final = (ADDRESS, DEVICE, "planted.person", "PlantedModel", "140.0.7339")
FROM_THEM: Final = {"x-forwarded-for": ADDRESS, "user-agent": AGENT}
FIELDS: Final = {"ip": ADDRESS, "device_id": DEVICE, "email": EMAIL, "user_agent": AGENT}
VIEW: Final[dict[str, Any]] = {"type": "view", "visitor_id": "v", "code": "AMY"}
WAYS: Final = ("events", "pixel", "link", "match", "segment", "shops", "file")


def planted(payload: Any) -> Any:
    """A provider's payload with the person's details replaced."""
    text = json.dumps(payload)
    replaced = {
        "203.0.113.9": ADDRESS,
        "bob@mail.example": EMAIL,
        "Mozilla/5.0 Firefox/140.0": AGENT,
    }
    for documented, own in replaced.items():
        text = text.replace(documented, own)
    return json.loads(text)


def events(edge: RunningEdge, _: Path) -> list[httpx.Response]:
    bad = [
        {"ip": ADDRESS + "9"},
        {"device_id": DEVICE + "\x00"},
        {"email": EMAIL + "@"},
        {"user_agent": AGENT * 20},
    ]
    own = edge.secret.post("/v1/events", json={"events": [VIEW | FIELDS, *(VIEW | b for b in bad)]})
    assert (own.json()["accepted"], len(own.json()["rejected"])) == (1, 4)
    of_a_page = VIEW | {name: FIELDS[name] for name in ("device_id", "email")}
    return [own, edge.published.post("/v1/events", json=of_a_page, headers=FROM_THEM)]


def pixel(edge: RunningEdge, _: Path) -> list[httpx.Response]:
    query = {"key": "pk", "visitor_id": "v", "code": "AMY"}
    return [edge.nobody.get("/v1/pixel.gif", params=query, headers=FROM_THEM)]


def link(edge: RunningEdge, _: Path) -> list[httpx.Response]:
    return [edge.nobody.get(f"/r/{code}", headers=FROM_THEM) for code in ("AMY", "NOBODYS")]


def match(edge: RunningEdge, _: Path) -> list[httpx.Response]:
    edge.nobody.get("/r/AMY", headers=FROM_THEM)
    asked = {"visitor_id": "app", "os": "android", "device": "phone"}
    found = edge.published.post("/v1/match", json=asked, headers=FROM_THEM)
    assert found.json()["match"] == "guess"
    return [found, edge.published.post("/v1/match", json={"os": AGENT}, headers=FROM_THEM)]


def segment(edge: RunningEdge, _: Path) -> list[httpx.Response]:
    messages = [planted(message) for message in payloads("segment").values()]
    for message in messages:
        message.setdefault("context", {})["device"] = {"id": DEVICE}
    return [edge.secret.post("/v1/batch", json={"batch": messages})]


def shops(edge: RunningEdge, _: Path) -> list[httpx.Response]:
    return [
        deliver(edge.nobody, provider, planted(payloads(provider)[name]))
        for provider, name in (
            ("shopify", "paid"),
            ("woocommerce", "processing"),
            ("stripe", "checkout_paid"),
        )
    ]


def file(edge: RunningEdge, directory: Path) -> list[httpx.Response]:
    lines = directory / "events.jsonl"
    lines.write_text(json.dumps(VIEW | FIELDS) + "\n" + json.dumps(VIEW | {"ip": ADDRESS + "9"}))

    def send(some: Any) -> Receipt:
        answer = edge.secret.post("/v1/events", json={"events": list(some)})
        found = answer.json()
        return Receipt(found["accepted"], tuple(Rejected(**each) for each in found["rejected"]))

    outcome = ingest(Plan(lines, directory / "rejected"), send, lambda _: None)
    assert (outcome.accepted, outcome.rejected) == (1, 1)
    return []


def rows(clickhouse: ClickHouse) -> str:
    tables = [name for (name,) in clickhouse.rows("SHOW TABLES")]
    return repr([clickhouse.rows(f"SELECT * FROM {table}") for table in tables])


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_planted_gets_nowhere(
    way: str,
    tmp_path: Path,
    clickhouse: ClickHouse,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "reftrail")
    with running_edge(tmp_path, trusted_proxies="127.0.0.1", **SETTINGS) as edge:
        edge.codes.add("AMY")
        answers = globals()[way](edge, tmp_path)
        metrics = edge.nobody.get("/metrics").text
        messages, written = edge.written.messages, edge.written.events()
    await clickhouse.load(EVENTS, written)

    told = {
        "topics": b"".join(message.value or b"" for message in messages).decode(errors="replace"),
        "keys": repr([message.key for message in messages]),
        "warehouse": rows(clickhouse),
        "answers": "".join(answer.text + str(answer.headers) for answer in answers),
        "metrics": metrics,
        "logs": caplog.text + "".join(capfd.readouterr()),
    }
    assert [(at, value) for at, text in told.items() for value in PLANTED if value in text] == []
    assert {event.user_agent_os for event in written} - {None} == {"Android"}
