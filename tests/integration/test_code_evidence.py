"""Derived and forged codes through a real collector and worker: what is said of them and earned."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from support.collector import running_collector
from support.kafka import TestInstallation
from support.log import produce, read_committed, read_until
from support.worker import worker

from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.formats.patterns.check import check_symbol
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.contracts.reference import CodeChanged, CodeFormatDefined
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CODE_FORMATS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REWARDS,
)
from reftrail.testing import LedgerLine, Logged, campaign, code, recompute

MASTER = MasterSecret("c1", b"m" * 32)
SPRING = DerivedCodes(
    "spring", MASTER.of_campaign("spring"), Pattern.of("SPR{body:8}{check}"), 1_000
)
FORGED = "SPRABCDEFGH" + check_symbol(SPRING.pattern.alphabet, "ABCDEFGH")
BOUND: CodeChanged = code(SPRING.code(5), owner="amy", revision=1)
NEW: CodeChanged = code("NEW1", owner="bob")


def derived(revision: int, count: int) -> CodeFormatDefined:
    return CodeFormatDefined(
        event_id=f"spring {revision}",
        event_time=1,
        received_at=1,
        name="spring",
        kind="derived",
        pattern="SPR{body:8}{check}",
        campaign_id="spring",
        channel="leaflet",
        count=count,
        key_id="c1",
        revision=revision,
    )


def send(client: httpx.Client, *events: dict[str, Any]) -> None:
    answer = client.post("/v1/events", json={"events": events})
    assert (answer.status_code, answer.json()["rejected"]) == (202, [])


def signup(user: str, typed: str | None = None, **actual: Any) -> dict[str, Any]:
    return {"type": "signup", "user_id": user, "code": typed} | actual


def test_a_derived_code_earns_unregistered_and_a_forged_one_is_called_so(
    installation: TestInstallation, tmp_path: Path
) -> None:
    produce(installation, CAMPAIGNS, [campaign()])
    produce(installation, CODE_FORMATS, [derived(1, 100)])
    produce(installation, CODES, [BOUND])
    with (
        running_collector(
            installation, tmp_path / "collector.log", codes_secret=f"c1:{MASTER.secret.hex()}"
        ) as collector,
        worker(installation, tmp_path / "worker.log") as stages,
    ):
        collector.wait_ready()
        stages.wait_until_ready()
        with collector.client() as client:
            typed = SPRING.code(1).lower()
            hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
            click = {"type": "click", "visitor_id": "v1", "code": typed, "event_time": hour_ago}
            send(client, click)
            send(client, signup("u1", visitor_id="v1", email="u1@mailinator.com"))
            send(client, signup("u2", FORGED, campaign_id="spring"))
            send(client, signup("u3", BOUND.code))
            produce(installation, CODE_FORMATS, [derived(2, 101)])
            send(client, signup("u4", SPRING.code(101), campaign_id="own"))
            produce(installation, CODES, [NEW])
            send(client, signup("u5", NEW.code))
        entries = _entries(installation, 7)

    actual = {(e.user_id, e.role): (e.code, e.status, e.reasons, e.campaign_id) for e in entries}
    assert actual == {
        ("u1", "referee"): (SPRING.code(1), "granted", [], "spring"),
        ("u2", "referee"): (FORGED, "rejected", ["forged_code"], None),
        ("u3", "referee"): (BOUND.code, "granted", [], "spring"),
        ("u3", "referrer"): (BOUND.code, "granted", [], "spring"),
        ("u4", "referee"): (SPRING.code(101), "granted", [], "spring"),
        ("u5", "referee"): (NEW.code, "granted", [], "spring"),
        ("u5", "referrer"): (NEW.code, "granted", [], "spring"),
    }
    events = read_committed(installation, EVENTS)
    said = {
        e.record.user_id or "click": (e.record.code_known, e.record.code_evidence) for e in events
    }
    assert said == {
        "click": (True, "derived"),
        "u1": (None, None),
        "u2": (False, "forged"),
        "u3": (True, None),
        "u4": (True, "derived"),
        "u5": (True, None),
    }
    (first,) = (e.record for e in events if e.record.user_id == "u1")
    assert first.email_disposable is True
    assert read_committed(installation, DEAD_LETTERS) == []
    oracle = recompute(
        {EVENTS: [Logged(e.record, e.partition, e.offset, timestamp=e.timestamp) for e in events]},
        [BOUND, NEW, campaign()],
        installation.partitions,
    )
    assert sorted(map(LedgerLine.of, entries), key=repr) == oracle.ledger()


def test_a_code_in_another_case_or_with_white_space_is_the_registered_one_and_earns(
    installation: TestInstallation, tmp_path: Path
) -> None:
    produce(installation, CAMPAIGNS, [campaign()])
    produce(installation, CODES, [code("AMY", owner="amy"), code("Bob", owner="bob")])
    with (
        running_collector(installation, tmp_path / "collector.log") as collector,
        worker(installation, tmp_path / "worker.log") as stages,
    ):
        collector.wait_ready()
        stages.wait_until_ready()
        with collector.client() as client:
            send(client, signup("u1", "AMY "))
            hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
            for visitor, typed in (("v2", "amy"), ("v3", "BOB")):
                click = {"type": "click", "visitor_id": visitor, "code": typed}
                send(client, click | {"event_time": hour_ago})
            send(client, signup("u2", visitor_id="v2"), signup("u3", visitor_id="v3"))
        entries = _entries(installation, 6)
    assert {(e.user_id, e.role): (e.code, e.status) for e in entries} == {
        ("u1", "referee"): ("AMY", "granted"),
        ("u1", "referrer"): ("AMY", "granted"),
        ("u2", "referee"): ("AMY", "granted"),
        ("u2", "referrer"): ("AMY", "granted"),
        ("u3", "referee"): ("Bob", "granted"),
        ("u3", "referrer"): ("Bob", "granted"),
    }


def _entries(installation: TestInstallation, count: int) -> list[Any]:
    found = read_until(installation, REWARDS, lambda found: len(found) >= count, seconds=180)
    return [logged.record for logged in found]
