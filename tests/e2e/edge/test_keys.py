"""Keys over real HTTP: where each may travel, what it may do, and what a page can't forge."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.authorizing import stored
from support.edge import RunningEdge, running_edge

from reftrail.collector.dimensions import MOST_VALUES
from reftrail.contracts.events import Event
from reftrail.contracts.times import moment, now

SHOP = "https://shop.example"
VIEW: dict[str, Any] = {"type": "view", "visitor_id": "v1"}
SIGNUP: dict[str, Any] = {"type": "signup", "user_id": "bob"}
KEYS = (
    stored("page", "pk_page", "publishable", origins=[SHOP], app_ids=["com.example.shop"]),
    stored("spring", "pk_spring", "publishable", campaigns=["spring"]),
    stored("made-up", "pk_made_up", "publishable"),
    stored("server", "sk_server", scopes=["events:write"]),
    stored("desk", "sk_desk", scopes=["reviews:write"]),
    stored("old", "sk_old", scopes=["events:write"], expires_at=2),
)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    with running_edge(tmp_path_factory.mktemp("keys"), address_rate=1_000) as running:
        for key in KEYS:
            running.collector.authorization.keys.take(key)
        running.codes.add("AMY")  # of the campaign summer
        yield running


def beacon(edge: RunningEdge, body: Any, origin: str = SHOP, query: str = "") -> httpx.Response:
    """Send as `navigator.sendBeacon` does with a text: a simple request, with no preflight."""
    headers = {"content-type": "text/plain;charset=UTF-8", "origin": origin}
    return edge.nobody.post(f"/v1/events{query}", content=json.dumps(body), headers=headers)


def sent(edge: RunningEdge, key: str, event: dict[str, Any]) -> httpx.Response:
    return edge.nobody.post("/v1/events", json=event, headers={"authorization": f"Bearer {key}"})


def last(edge: RunningEdge) -> Event:
    return edge.written.events()[-1]


def test_a_beacon_has_its_key_in_the_body_or_the_query(edge: RunningEdge) -> None:
    for answer in (
        beacon(edge, {"key": "pk_page", "events": [VIEW]}),
        beacon(edge, VIEW | {"key": "pk_page"}),
        beacon(edge, VIEW, query="?key=pk_page"),
    ):
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert last(edge).key_kind == "publishable"


def test_a_page_asks_first_and_reads_the_answer(edge: RunningEdge) -> None:
    asked = {
        "origin": SHOP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    allowed = edge.nobody.options("/v1/events", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == SHOP
    app = {"access-control-request-headers": "authorization,content-type,x-reftrail-app"}
    assert edge.nobody.options("/v1/events", headers=asked | app).status_code == 200
    refused = edge.nobody.options("/v1/events", headers=asked | {"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers
    assert "Origin" in refused.headers["vary"]
    assert refused.headers["content-type"] == "application/problem+json"
    assert "name it in --origin" in refused.json()["detail"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil"])
def test_a_key_of_origins_is_of_no_use_on_other_pages(edge: RunningEdge, origin: str) -> None:
    before = len(edge.written.messages)
    answer = beacon(edge, VIEW, origin, "?key=pk_page")
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert edge.nobody.post("/v1/events?key=pk_page", json=VIEW).status_code == 403
    assert len(edge.written.messages) == before


def test_an_app_names_itself(edge: RunningEdge) -> None:
    for app_id, status in (("com.example.shop", 202), ("com.evil", 403), ("", 403)):
        answer = edge.nobody.post(
            "/v1/events?key=pk_page", json=VIEW, headers={"x-reftrail-app": app_id}
        )
        assert answer.status_code == status


@pytest.mark.parametrize("key", ["sk_server", "sk"])
def test_a_secret_key_is_taken_from_the_header_alone(edge: RunningEdge, key: str) -> None:
    for answer in (
        beacon(edge, SIGNUP, query=f"?key={key}"),
        beacon(edge, {"key": key, "events": [SIGNUP]}),
    ):
        assert answer.status_code == 401
        assert "rotate it" in answer.json()["detail"]
        assert key not in answer.json()["detail"].split()
    assert sent(edge, key, SIGNUP).status_code == 202


@pytest.mark.parametrize("key", [5, None, "", [], {"a": 1}, "pk_page\udc00", "x" * 5_000])
def test_what_is_no_key_is_refused(edge: RunningEdge, key: Any) -> None:
    answer = beacon(edge, {"key": key, "events": [VIEW]})
    assert answer.status_code == 401
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["type"], problem["title"], problem["status"]) == (
        "about:blank",
        "Unauthorized",
        401,
    )


def test_without_a_key_the_body_s_faults_are_not_told(edge: RunningEdge) -> None:
    for body in (b"", b"{", b"[1]", b"\xff", b'{"a": 1, "a": 2}'):
        assert edge.nobody.post("/v1/events", content=body).status_code == 401


def test_with_a_good_key_in_the_body_its_other_faults_are_told(edge: RunningEdge) -> None:
    """And the address isn't slowed down, as it would be for a wrong key."""
    for _ in range(40):
        answer = beacon(edge, {"key": "pk_page", "events": [VIEW], "foo": 1})
        assert answer.status_code == 400
        assert "foo" in answer.json()["detail"]
    assert beacon(edge, {"key": "pk_page", "events": [VIEW]}).status_code == 202


def test_an_expired_key_has_ended(edge: RunningEdge) -> None:
    assert sent(edge, "sk_old", VIEW).status_code == 401


def test_scopes_hold_at_every_route(edge: RunningEdge) -> None:
    review = {"code": "AMY", "user_id": "bob", "decision": "approve", "reviewer": "the boss"}
    asked = {"authorization": "Bearer sk_server"}
    assert edge.nobody.post("/v1/reviews", json=review, headers=asked).status_code == 403
    assert edge.nobody.get("/v1/codes", headers=asked).status_code == 403
    assert edge.nobody.post("/v1/adjustments", json={}, headers=asked).status_code == 403
    assert sent(edge, "sk_desk", VIEW).status_code == 403


def test_a_page_can_t_forge_what_makes_money(edge: RunningEdge) -> None:
    money = {"user_id": "bob", "order_id": "1", "amount": "9.00", "currency": "EUR"}
    forged = [
        SIGNUP,
        {"type": "purchase", **money},
        {"type": "refund", "user_id": "bob", "order_id": "1"},
        {"type": "users_merged", "user_id": "bob", "merged_into": "eve"},
        {"type": "dispute_lost", "user_id": "bob", "order_id": "1", "dispute_id": "d"},
        VIEW | {"event_time": moment(now() - 8 * 86_400_000).isoformat()},
        VIEW | {"event_time": moment(now() + 600_000).isoformat()},
    ]
    answer = beacon(edge, {"key": "pk_page", "events": forged}).json()
    assert answer["accepted"] == 0
    assert len(answer["rejected"]) == len(forged)


def test_a_page_can_t_forge_an_address(edge: RunningEdge) -> None:
    beacon(edge, VIEW | {"key": "pk_page"})
    honest = last(edge).ip_hash
    beacon(edge, VIEW | {"key": "pk_page", "ip": "203.0.113.9"})
    assert last(edge).ip_hash == honest is not None


def test_a_key_of_campaigns_names_no_others(edge: RunningEdge) -> None:
    assert sent(edge, "pk_spring", VIEW | {"campaign_id": "spring"}).status_code == 202
    assert last(edge).campaign_id == "spring"
    sent(edge, "pk_spring", VIEW | {"campaign_id": "summer"})
    assert (last(edge).campaign_id, last(edge).client_campaign_id) == (None, "summer")
    foreign = sent(edge, "pk_spring", VIEW | {"type": "click", "code": "amy"})
    unknown = sent(edge, "pk_spring", VIEW | {"type": "click", "code": "NOBODY"})
    assert foreign.json() == unknown.json()
    found = edge.written.events()[-2]
    assert (found.code, found.campaign_id, found.code_known) == (None, None, None)
    counted = edge.nobody.get("/metrics").text
    assert "reftrail_collector_codes_not_for_key_total 1.0" in counted
    sent(edge, "pk_made_up", VIEW | {"type": "click", "code": "amy"})
    assert (last(edge).code, last(edge).campaign_id) == ("AMY", "summer")


def test_made_up_values_become_other_and_are_counted(edge: RunningEdge) -> None:
    many = [VIEW | {"channel": f"made-up-{number}"} for number in range(MOST_VALUES + 50)]
    headers = {"authorization": "Bearer pk_made_up"}
    answer = edge.nobody.post("/v1/events", json={"events": many}, headers=headers)
    assert answer.json()["accepted"] == len(many)
    written = edge.written.events()[-len(many) :]
    channels = [event.channel for event in written]
    assert len(set(channels)) == MOST_VALUES + 1
    assert channels.count("other") == 50
    assert channels[0] == "made-up-0"
    sent(edge, "pk_made_up", VIEW | {"channel": "made-up-0"})
    assert last(edge).channel == "made-up-0"
    for key in ("sk_server", "pk_spring"):
        sent(edge, key, VIEW | {"channel": "newsletter"})
        assert last(edge).channel == "newsletter"
    counted = edge.nobody.get("/metrics").text
    assert 'reftrail_collector_values_folded_total{dimension="channel"} 50.0' in counted


def test_a_key_that_is_rotated_keeps_its_idempotency_keys(edge: RunningEdge) -> None:
    before, after = stored("shop", "sk_1", scopes=["events:write"]), "sk_2"
    keys = edge.collector.authorization.keys
    keys.take(before)
    ids = []
    for key in ("sk_1", after):
        headers = {"authorization": f"Bearer {key}", "idempotency-key": "k"}
        assert edge.nobody.post("/v1/events", json=SIGNUP, headers=headers).status_code == 202
        ids.append(last(edge).event_id)
        rotation: dict[str, Any] = {"previous_hash": before.hash, "previous_until": 2**50}
        keys.take(stored("shop", after, scopes=["events:write"], revision=2, **rotation))
    assert ids[0] == ids[1]


def test_a_key_of_campaigns_verifies_their_codes_alone(edge: RunningEdge) -> None:
    made = {"campaign_id": "summer", "code": "Summer-Zoe"}
    assert edge.secret.post("/v1/codes", json=made).status_code == 201

    def valid(key: str) -> bool:
        answer = edge.nobody.post(f"/v1/codes/verify?key={key}", json={"code": "SUMMER-ZOE"})
        assert answer.status_code == 200
        return bool(answer.json()["valid"])

    assert valid("pk_made_up")
    assert not valid("pk_spring")


FIELDS: dict[str, Any] = {"type": "view", "visitor_id": "v", "code": "AMY", "campaign_id": "x"}
ODD: tuple[Any, ...] = (None, "", 0, -1, True, [], {}, "\udc00", "\x00", "a" * 3_000, {"a": [{}]})


@pytest.mark.parametrize("key", ["pk_page", "pk_spring", "sk_server", "nobody"])
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: ascii(odd)[:12])
def test_odd_values_are_never_a_500(edge: RunningEdge, key: str, odd: Any) -> None:
    bodies = [
        *(FIELDS | {name: odd} for name in FIELDS),
        FIELDS | {"key": odd},
        {"events": [FIELDS, odd], "key": key},
        {"events": odd, "key": key},
        {"key": key, "sent_at": odd, "events": [FIELDS]},
    ]
    for body in bodies:
        content = json.dumps(body)
        for asked in (f"/v1/events?key={key}", "/v1/events", f"/v1/codes/verify?key={key}"):
            for headers in ({"origin": SHOP}, {"origin": SHOP, "authorization": f"Bearer {key}"}):
                answer = edge.nobody.post(asked, content=content, headers=headers)
                assert answer.status_code in (200, 202, 400, 401, 403, 422, 429), answer.text
                if answer.status_code >= 400:
                    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Basic c2tfc2VydmVyOg==",
        "sk_server",
        "Bearer sk_server, Bearer sk_desk",
        "Bearer  \tsk_server x",
        "Bearer " + "s" * 8_000,
        "Bearer pk_page",
    ],
)
def test_headers_that_are_no_secret_key(edge: RunningEdge, header: str) -> None:
    answer = edge.nobody.post("/v1/events", json=SIGNUP, headers={"authorization": header})
    assert answer.status_code in (401, 403)


def test_two_keys_in_one_request_are_not_two_chances(edge: RunningEdge) -> None:
    asked = {"authorization": "Bearer wrong"}
    assert (
        edge.nobody.post("/v1/events?key=pk_made_up", json=VIEW, headers=asked).status_code == 401
    )
    both = {"authorization": "Bearer sk_server"}
    body = VIEW | {"key": "pk_made_up"}
    assert edge.nobody.post("/v1/events", json=body, headers=both).status_code == 202
    assert last(edge).key_kind == "secret"
