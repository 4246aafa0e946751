"""Requests of apps and pages: their keys, what can't be, and what stays inside the collector."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support.edge import RunningEdge, running_edge
from support.match_requests import ANDROID, PIXEL, PROXIES, answer, follow

from reftrail.contracts.api_keys import ApiKeyChanged, hash_of
from reftrail.contracts.codec import decode


def key_of(campaign: str, app: str) -> ApiKeyChanged:
    return ApiKeyChanged(
        event_id="e",
        event_time=1,
        received_at=1,
        name="app",
        kind="publishable",
        hash=hash_of("pk_app"),
        app_ids=[app],
        campaigns=[campaign],
        created_at=1,
        actor="a",
        revision=1,
    )


def test_a_key_of_a_campaign_pays_for_guesses_at_its_codes(tmp_path: Path, ip: str) -> None:
    """Its answer tells which codes are of the campaign."""
    with running_edge(tmp_path, address_rate=0.01, **PROXIES) as own:
        own.codes.add("AMY")
        own.collector.authorization.keys.take(key_of("summer", "com.shop"))
        headers = {"authorization": "Bearer pk_app", "x-reftrail-app": "com.shop"}
        headers["x-forwarded-for"] = ip
        codes = ("AMY", "NOBODYS", "BOBODYS")
        asked = [{"visitor_id": "v", "referrer": f"ref={code}"} for code in codes]
        found = [own.nobody.post("/v1/match", headers=headers, json=body) for body in asked]
    assert [answered.status_code for answered in found] == [200, 200, 429]
    assert [answered.json()["match"] for answered in found[:2]] == ["exact", "none"]


def test_a_key_of_an_app_and_a_campaign(edge: RunningEdge, ip: str) -> None:
    edge.collector.authorization.keys.take(key_of("winter", "com.shop"))
    for code in ("AMY", "OTHER"):
        asked = follow(edge, code, ip)
        headers = {"authorization": "Bearer pk_app", "x-forwarded-for": ip}
        body = {"visitor_id": str(uuid4())} | asked
        without = edge.nobody.post("/v1/match", headers=headers, json=body)
        assert without.status_code == 403
        headers["x-reftrail-app"] = "com.shop"
        found = edge.nobody.post("/v1/match", headers=headers, json=body)
        assert found.json()["match"] == ("exact" if code == "OTHER" else "none")
    by_code = {"visitor_id": "v", "referrer": "ref=AMY"}
    assert edge.nobody.post("/v1/match", headers=headers, json=by_code).json()["match"] == "none"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"visitor_id": ""}, "/visitor_id"),
        ({"visitor_id": None}, "/visitor_id"),
        ({"visitor_id": "v", "os": "windows"}, "/os"),
        ({"visitor_id": "v", "device": 1}, "/device"),
        ({"visitor_id": "v", "referrer": "x" * 5000}, "/referrer"),
        ({"visitor_id": "v", "signed_click": []}, "/signed_click"),
        ({"visitor_id": "v", "signedClick": "x"}, "/signedClick"),
    ],
)
def test_what_cannot_be_is_a_problem(edge: RunningEdge, body: Any, pointer: str) -> None:
    refused = edge.published.post("/v1/match", json=body)
    assert (refused.status_code, refused.json()["pointer"]) == (422, pointer)
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status"), [(b"[]", 400), (b"{", 400), (b"null", 400), (b'"x"', 400), (b"", 400)]
)
def test_what_is_no_object_is_a_problem(edge: RunningEdge, body: bytes, status: int) -> None:
    assert edge.published.post("/v1/match", content=body).status_code == status
    assert edge.nobody.post("/v1/match", content=body).status_code == 401


@pytest.mark.parametrize(
    "referrer",
    ["", "&&&", "ref=", "ref=%ff", "ref=" + "x" * 100, "=&=", "ref_signed=.", "a=b&" * 900],
)
def test_any_referrer_is_answered(edge: RunningEdge, ip: str, referrer: str) -> None:
    assert answer(edge, ip, referrer=referrer) == {"match": "none"}


def test_a_page_cannot_say_what_the_collector_alone_may(edge: RunningEdge) -> None:
    forged = {
        "type": "view",
        "visitor_id": "v",
        "properties": {"reftrail_match": {"match": "exact", "code": "AMY"}},
    }
    said = edge.published.post("/v1/events", json=forged).json()
    assert (said["accepted"], said["rejected"][0]["pointer"]) == (0, "/properties")


def test_no_address_or_user_agent_leaves_the_collector(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    planted = ("198.51.100.77", "PlantedAgent")
    with running_edge(tmp_path, **PROXIES) as own:
        own.codes.add("AMY")
        headers = {"x-forwarded-for": planted[0], "authorization": "Bearer pk"}
        link = {"user-agent": PIXEL + " PlantedAgent/1", "x-forwarded-for": planted[0]}
        own.nobody.get("/r/AMY", headers=link)
        before = len(own.written.messages)
        headers["user-agent"] = "PlantedAgent/2"
        body = {"visitor_id": "v"} | ANDROID
        assert own.nobody.post("/v1/match", headers=headers, json=body).json()["match"] == "guess"
        refused = own.nobody.post("/v1/match", headers=headers, json={"os": planted[1]})
        metrics = own.nobody.get("/metrics").text
        (clicked,) = own.collector.matching.tables.clicks.of(
            each.device_hash for each in clicks_of(own)
        )
        kept = repr(clicked) + repr([decode(one.value) for one in own.written.messages[before:]])
    told = kept + refused.text + metrics + "".join(capfd.readouterr())
    assert [value for value in planted if value in told] == []


def clicks_of(edge: RunningEdge) -> list[Any]:
    tables: Any = edge.collector.matching.tables
    return list(tables.clicks._clicks.values())
