"""Messages as Segment, RudderStack and Jitsu document them, over HTTP."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.collector import collector_without_kafka
from support.deliveries import payloads
from support.edge import RunningEdge, running_edge

from reftrail.collector.routes import application
from reftrail.contracts.errors import ExpectedError

GIVEN = payloads("segment")
NOW = datetime.now(UTC)


def taken(edge: RunningEdge, *messages: Any, path: str = "batch") -> list[Any]:
    body = {"batch": [*messages]} if path == "batch" else messages[0]
    answer = edge.secret.post(f"/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["rejected"]) == (200, []), answer.text
    return edge.written.events()


def kind(event: Any) -> str:
    tag: str = event.__struct_config__.tag
    return tag


def test_a_batch_is_the_events_of_its_messages(edge: RunningEdge) -> None:
    names = ("page", "identify", "signup", "order", "refund", "cancelled")
    found = taken(edge, *(GIVEN[f"segment_{name}"] for name in names))
    assert [kind(event) for event in found] == [
        *("view", "identified", "signup"),
        *("purchase", "refund", "refund"),
    ]
    view, identified, signup, purchase, refund, cancelled = found
    visitor = "507f191e810c19729de860ea"
    assert (view.visitor_id, view.code, view.event_time) == (visitor, "AMY", 1_764_410_400_000)
    assert view.ip_hash
    assert (identified.visitor_id, identified.user_id) == (visitor, "bob")
    assert identified.event_id == GIVEN["segment_identify"]["messageId"]
    assert (signup.visitor_id, signup.user_id) == (visitor, "bob")
    assert (purchase.order_id, purchase.currency) == ("50314b8e9bcf000000000000", "USD")
    assert (purchase.amount_micros, purchase.tax_micros) == (27_500_000, 2_000_000)
    assert purchase.shipping_micros == 3_000_000
    assert (refund.amount_micros, refund.refund_id) == (30_000_000, "ajs-refund-1")
    assert (cancelled.amount_micros, cancelled.amount_refunded_micros) == (None, None)


@pytest.mark.parametrize(
    ("name", "path", "event"),
    [
        ("segment_page", "page", "view"),
        ("segment_page", "p", "view"),
        ("segment_identify", "identify", "identified"),
        ("segment_identify", "i", "identified"),
        ("segment_order", "track", "purchase"),
        ("rudderstack_track", "t", "click"),
        ("rudderstack_track", "track", "click"),
    ],
)
def test_the_path_says_the_type(edge: RunningEdge, name: str, path: str, event: str) -> None:
    message = {key: value for key, value in GIVEN[name].items() if key != "type"}
    (found,) = taken(edge, message, path=path)
    assert kind(found) == event


def test_a_webhook_sends_one_message_of_any_type_to_batch(edge: RunningEdge) -> None:
    answer = edge.secret.post("/v1/batch", json=GIVEN["jitsu_page"])
    assert answer.json() == {"success": True, "accepted": 1, "rejected": [], "ignored": 0}
    (view,) = edge.written.events()
    assert (view.visitor_id, view.code) == ("0PFiVAPbBpPTw2Kt", "AMY")


def test_a_message_id_makes_the_same_event_id_each_time(edge: RunningEdge) -> None:
    ids = {event.event_id for event in taken(edge, *[GIVEN["rudderstack_track"]] * 2)}
    assert len(ids) == 1


def test_what_means_nothing_here_is_ignored(edge: RunningEdge) -> None:
    alone = GIVEN["segment_identify"] | {"anonymousId": None}
    other = GIVEN["segment_order"] | {"event": "Product Viewed"}
    batch = [alone, other, GIVEN["segment_group"], {}]
    answer = edge.secret.post("/v1/batch", json={"batch": batch})
    assert answer.json() == {"success": True, "accepted": 0, "rejected": [], "ignored": 4}


@pytest.mark.parametrize("path", ["alias", "a", "group", "g", "screen", "s"])
def test_a_script_may_send_what_means_nothing_here(edge: RunningEdge, path: str) -> None:
    message = {"anonymousId": "v1", "userId": "bob", "previousId": "v0", "groupId": "g1"}
    before = len(edge.written.messages)
    answer = edge.published.post(f"/v1/{path}", json=message)
    assert (answer.status_code, answer.json()["ignored"]) == (200, 1)
    assert len(edge.written.messages) == before


def test_segments_script_batches_under_a_letter(edge: RunningEdge) -> None:
    answer = edge.secret.post("/v1/b", json={"batch": [GIVEN["segment_page"]]})
    assert answer.json()["accepted"] == 1


def test_a_rejection_names_the_place_of_its_message(edge: RunningEdge) -> None:
    wrong = GIVEN["segment_order"] | {"properties": {"order_id": "1", "total": "many"}}
    batch = [GIVEN["segment_group"], wrong, GIVEN["segment_page"], 7]
    answer = edge.secret.post("/v1/batch", json={"batch": batch}).json()
    assert (answer["accepted"], answer["ignored"]) == (1, 1)
    found = [(rejection["index"], rejection["pointer"]) for rejection in answer["rejected"]]
    assert found == [(1, "/currency"), (3, "")]


@pytest.mark.parametrize("message_id", ["\ud800", "\ud800" * 36])
def test_an_odd_message_id_is_rejected_alone(edge: RunningEdge, message_id: str) -> None:
    odd = GIVEN["segment_page"] | {"messageId": message_id}
    body = json.dumps({"batch": [odd, GIVEN["segment_page"]]})
    answer = edge.secret.post("/v1/batch", content=body)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert [rejection["index"] for rejection in answer.json()["rejected"]] == [0]


def order(**properties: Any) -> dict[str, Any]:
    given = {"order_id": "o1", "total": 100, "currency": "EUR"}
    message: dict[str, Any] = GIVEN["segment_order"]
    return message | {"properties": given | properties}


@pytest.mark.parametrize(
    "properties",
    [
        {"ref": "https://search.example/"},
        {"ref": 7, "referral_code": ["x"]},
        {"email": "unknown"},
        {"currency": "eur"},
        {"tax": -1, "shipping": "free"},
        {"tax": {}, "shipping": True},
        {"tax": "Infinity", "shipping": "NaN"},
        {"referral_category": "\u200b", "referral_channel": 5.5},
        {"order_id": 1234},
    ],
)
def test_what_an_order_counts_without_is_left_out(
    edge: RunningEdge, properties: dict[str, Any]
) -> None:
    (purchase,) = taken(edge, order(**properties))
    assert purchase.order_id == str(properties.get("order_id", "o1"))
    assert (purchase.amount_micros, purchase.currency) == (100_000_000, "EUR")
    found = (purchase.code, purchase.tax_micros, purchase.shipping_micros, purchase.email_hash)
    assert found == (None, None, None, None)


def test_the_first_place_that_can_be_a_code_is_the_code(edge: RunningEdge) -> None:
    (purchase,) = taken(edge, order(referral_code="https://x.example/", ref="AMY"))
    assert purchase.code == "AMY"


def test_taxes_are_rounded_to_minor_units(edge: RunningEdge) -> None:
    (purchase,) = taken(edge, order(total="100.00", tax="15.9664", shipping="4.9050"))
    assert (purchase.tax_micros, purchase.shipping_micros) == (15_970_000, 4_900_000)


def test_revenue_is_without_tax_and_shipping(edge: RunningEdge) -> None:
    (purchase,) = taken(edge, order(total=None, revenue=80.5, tax=19, shipping=5))
    assert (purchase.amount_micros, purchase.tax_micros) == (80_500_000, None)
    assert purchase.shipping_micros is None


@pytest.mark.parametrize("total", [None, "", "many", [], {}])
def test_a_refund_of_products_is_none_in_full(edge: RunningEdge, total: Any) -> None:
    products = [{"product_id": "p", "quantity": 1, "price": 10}]
    refund = order(total=total, products=products) | {"event": "Order Refunded"}
    answer = edge.secret.post("/v1/batch", json={"batch": [refund]}).json()
    assert [rejection["pointer"] for rejection in answer["rejected"]] == ["/amount"]
    assert edge.written.events() == []


def test_a_refund_of_revenue_is_of_that_amount(edge: RunningEdge) -> None:
    (part,) = taken(edge, order(total=None, revenue=20) | {"event": "Order Refunded"})
    assert part.amount_micros == 20_000_000
    edge.written.messages.clear()
    (whole,) = taken(edge, order(total=None) | {"event": "Order Refunded"})
    assert whole.amount_micros is None


@pytest.mark.parametrize("seconds", [3_600, -3_600])
def test_a_clock_that_is_off_is_corrected_by_sent_at(edge: RunningEdge, seconds: int) -> None:
    shown = datetime.now(UTC) + timedelta(seconds=seconds)
    page = GIVEN["segment_page"] | {"timestamp": shown.isoformat()}
    edge.secret.post("/v1/batch", json={"batch": [page], "sentAt": shown.isoformat()})
    (view,) = edge.written.events()
    assert abs(view.event_time - view.received_at) < 10_000
    forwarded = page | {"receivedAt": NOW.isoformat(), "sentAt": shown.isoformat()}
    if seconds < 0:
        edge.secret.post("/v1/batch", json=forwarded)
        assert edge.written.events()[1].event_time < view.event_time - 3_000_000


def test_a_clock_that_is_days_off_corrects_nothing(edge: RunningEdge) -> None:
    body = {"batch": [GIVEN["segment_page"]], "sentAt": "2020-01-01T00:00:00Z"}
    assert edge.secret.post("/v1/batch", json=body).json()["accepted"] == 1


def basic(key: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}


def test_keys_travel_as_segments_clients_send_them(edge: RunningEdge) -> None:
    recent = GIVEN["segment_page"] | {"timestamp": NOW.isoformat()}

    def status(headers: dict[str, str], **body: Any) -> int:
        return edge.nobody.post("/v1/page", json=recent | body, headers=headers).status_code

    assert status(basic("sk")) == status(basic("pk")) == status({}, writeKey="pk") == 200
    assert edge.nobody.post("/v1/page?key=pk", json=recent).status_code == 200
    assert status({}) == status({}, writeKey="sk") == status(basic("other")) == 401
    assert status({"authorization": "Basic ???"}) == status({"authorization": "Basic /w=="}) == 401


def test_a_publishable_key_makes_no_money(edge: RunningEdge) -> None:
    answer = edge.published.post("/v1/track", json=GIVEN["segment_order"]).json()
    assert answer["accepted"] == 0
    assert answer["rejected"][0]["pointer"] == "/type"


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"batch": 1}', b'{"batch": {}}', b'"x"'])
def test_a_body_of_another_shape_is_refused(edge: RunningEdge, body: bytes) -> None:
    answer = edge.secret.post("/v1/batch", content=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("junk", [None, [], {}, "x", 1.5, 1e308, -1, True, 10**30, "\u200b"])
def test_junk_in_any_place_is_no_error_of_the_collector(edge: RunningEdge, junk: Any) -> None:
    batch = [
        message | {field: junk}
        for message in GIVEN.values()
        for field in (*message, "properties", "context")
    ]
    batch += [
        message | {"properties": message["properties"] | {field: junk}}
        for message in GIVEN.values()
        for field in message.get("properties", ())
    ]
    answer = edge.secret.post("/v1/batch", json={"batch": batch})
    assert answer.status_code == 200
    found = answer.json()
    assert found["accepted"] + found["ignored"] + len(found["rejected"]) == len(batch)


@pytest.mark.parametrize(
    ("source", "kept"),
    [("news", "news"), ("amy@shop.example", "other"), ("x" * 65, "other"), (7, None), ("", None)],
)
def test_the_campaign_s_source_is_that_of_the_visit(
    edge: RunningEdge, source: Any, kept: str | None
) -> None:
    (event,) = taken(edge, GIVEN["segment_page"] | {"context": {"campaign": {"source": source}}})
    assert event.utm_source == kept


@pytest.mark.parametrize(
    "context",
    [
        {"ip": "fe80::1%" + "z" * 80},
        {"ip": "\ud800"},
        {"userAgent": "Mozilla/5.0 \ud83d"},
        {"traits": {"email": "amy\ud83d@mail.example"}},
        {"device": {"id": "\udc00"}},
        {"device": {"id": "browser-1\n"}},
    ],
)
def test_an_order_counts_without_what_no_event_takes(edge: RunningEdge, context: Any) -> None:
    message = GIVEN["segment_order"] | {"context": context}
    answer = edge.secret.post("/v1/track", content=json.dumps(message))
    assert (answer.status_code, answer.json()["rejected"]) == (200, [])


def test_a_mapping_of_ones_own(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[fields]\nuser_id = ["userId"]\n[track."Bestellt"]\nevent = "purchase"\n'
        'order_id = ["properties.nr"]\namount = ["properties.preis"]\n'
        'currency = ["properties.currency"]\n'
    )
    with running_edge(tmp_path, collector_segment_mapping=str(mapping)) as edge:
        properties = {"nr": 4711, "preis": "12.00", "currency": "EUR"}
        message = {"event": "Bestellt", "userId": "bob", "properties": properties | {"nr": "47"}}
        answer: httpx.Response = edge.secret.post("/v1/track", json=message)
        assert answer.json()["accepted"] == 1
        assert edge.secret.post("/v1/page", json=GIVEN["segment_page"]).json()["ignored"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "not TOML"),
        ('[page]\nevent = "order"', "page.event"),
        ('[fields]\nvisitor = ["a"]', "fields.visitor"),
    ],
)
def test_a_faulty_mapping_is_an_error_at_the_start(tmp_path: Path, text: str, said: str) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(text)
    with pytest.raises(ExpectedError, match=said):
        application(collector_without_kafka(collector_segment_mapping=str(mapping)))
    mapping.unlink()
    with pytest.raises(ExpectedError, match="cannot read"):
        application(collector_without_kafka(collector_segment_mapping=str(mapping)))
