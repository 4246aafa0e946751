"""Signatures over HTTP: who may send, and how long."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.deliveries import SECRETS, SETTINGS, deliver, payloads, signed_base64, signed_stripe
from support.edge import RunningEdge, running_edge

STRIPE = json.dumps(payloads("stripe")["other"]).encode()


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    with running_edge(tmp_path_factory.mktemp("connect"), **SETTINGS) as running:
        yield running


def send(edge: RunningEdge, signature: str | None, body: bytes = STRIPE) -> httpx.Response:
    headers = {} if signature is None else {"stripe-signature": signature}
    return edge.nobody.post("/v1/connect/stripe", content=body, headers=headers)


def test_a_delivery_signed_now_is_taken(edge: RunningEdge) -> None:
    answer = send(edge, signed_stripe(STRIPE))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "unknown")


@pytest.mark.parametrize("age", [-290, 290])
def test_clocks_may_be_off_by_five_minutes(edge: RunningEdge, age: float) -> None:
    assert send(edge, signed_stripe(STRIPE, time.time() - age)).status_code == 200


def test_each_of_two_secrets_is_good_during_a_rotation(edge: RunningEdge) -> None:
    assert send(edge, signed_stripe(STRIPE, secret="old")).status_code == 200
    both = signed_stripe(STRIPE, secret="next") + signed_stripe(STRIPE).partition(",")[2].join(
        (",", "")
    )
    assert send(edge, both).status_code == 200


WRONG: dict[str, Callable[[], str | None]] = {
    "none": lambda: None,
    "empty": lambda: "",
    "no time": lambda: "v1=00",
    "nothing signed": lambda: "t=1,v1=",
    "a time of 400 digits": lambda: f"t={'9' * 400},v1=00",
    "a time in letters": lambda: "t=x,v1=00",
    "another secret": lambda: signed_stripe(STRIPE, secret="other"),
    "another body": lambda: signed_stripe(STRIPE + b" "),
    "too old": lambda: signed_stripe(STRIPE, time.time() - 1000),
    "too early": lambda: signed_stripe(STRIPE, time.time() + 1000),
    "another scheme": lambda: signed_stripe(STRIPE).replace("v1=", "v0="),
    "not ASCII": lambda: "t=1,v1=ü".encode().decode("latin-1"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_any_other_delivery_is_refused(tmp_path: Path, kind: str) -> None:
    signature = WRONG[kind]()
    with running_edge(tmp_path, **SETTINGS) as fresh:
        raw: Any = {} if signature is None else {b"stripe-signature": signature.encode("latin-1")}
        answer = fresh.nobody.post("/v1/connect/stripe", content=STRIPE, headers=raw)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert fresh.written.messages == []


@pytest.mark.parametrize("provider", ["shopify", "woocommerce"])
def test_a_body_signed_by_another_secret_is_refused(edge: RunningEdge, provider: str) -> None:
    header = {"shopify": "x-shopify-hmac-sha256", "woocommerce": "x-wc-webhook-signature"}
    wrong = {header[provider]: signed_base64(b"{}", "other")}
    assert deliver(edge.nobody, provider, {}, **wrong).status_code == 401


def test_secrets_are_of_one_provider(edge: RunningEdge) -> None:
    assert send(edge, signed_stripe(STRIPE, secret=SECRETS["shopify"])).status_code == 401


@pytest.mark.parametrize("provider", SECRETS)
def test_without_a_secret_there_is_no_route(tmp_path: Path, provider: str) -> None:
    with running_edge(tmp_path) as fresh:
        answer = deliver(fresh.nobody, provider, {})
        assert answer.status_code == 404
        assert f"REFTRAIL_COLLECTOR_{provider.upper()}_SECRETS" in answer.json()["detail"]


def test_who_sends_many_wrong_signatures_is_slowed_down(tmp_path: Path) -> None:
    with running_edge(tmp_path, **SETTINGS, address_rate=0.1) as fresh:
        found = [send(fresh, "t=1,v1=00").status_code for _ in range(5)]
        assert found == [401, 401, 401, 429, 429]
        assert send(fresh, signed_stripe(STRIPE)).status_code == 429


@pytest.mark.parametrize("body", [b"[]", b"{", b'"x"', b"\xff"])
def test_a_signed_body_that_is_no_object_is_refused(edge: RunningEdge, body: bytes) -> None:
    assert send(edge, signed_stripe(body), body).status_code == 400


def test_the_address_that_woocommerce_tries_first_answers(edge: RunningEdge) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    url = "/v1/connect/woocommerce"
    assert edge.nobody.post(url, content=b"webhook_id=12", headers=form).status_code == 200
    assert edge.nobody.post(url, content=b"webhook_id=12&a=1", headers=form).status_code == 401
    assert edge.nobody.post("/v1/connect/shopify", content=b"webhook_id=12").status_code == 401
