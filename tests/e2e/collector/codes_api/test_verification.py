"""Verification of codes: what each kind of key learns, and what guessing costs."""

import time

import httpx
import pytest
from support.codes_api import SPRING, issued
from support.collector import PUBLISHABLE, RunningCollector

from reftrail.codes.formats.patterns import Pattern
from reftrail.codes_api.verification import SLOT_SECONDS


@pytest.fixture(scope="module", autouse=True)
def _derived_codes(api: httpx.Client) -> None:
    """A format with issued codes: another code that is written so is forged."""
    assert api.put("/v1/code-formats/spring", json=SPRING).status_code == 200
    assert api.post("/v1/codes", json={"format": "spring", "count": 20}).status_code == 201


def test_verify_says_why_to_a_secret_key(api: httpx.Client) -> None:
    good = issued(api, channels=["mail"], regions=["DE"])["code"]
    over = issued(api, expires_at="2020-01-01T00:00:00Z")["code"]
    used = issued(api, max_uses=2)["code"]
    revoked = issued(api)["code"]
    api.post(f"/v1/codes/{revoked}/revoke")
    derived = api.get("/v1/code-formats").json()
    assert any(format_["name"] == "spring" for format_ in derived["formats"])

    for body, answer in (
        ({"code": f" {good.lower()} ", "channel": "mail", "region": "DE"}, "valid"),
        ({"code": good, "channel": "web"}, "wrong_channel"),
        ({"code": good, "region": "FR"}, "wrong_region"),
        ({"code": over}, "expired"),
        ({"code": used}, "used_up"),
        ({"code": revoked}, "revoked"),
        ({"code": "NOBODY"}, "unknown"),
        ({"code": "SPR!"}, "malformed"),
        ({"code": forged()}, "forged"),
    ):
        found = api.post("/v1/codes/verify", json=body).json()
        assert (found["answer"], found["valid"]) == (answer, answer == "valid"), body
    assert api.post("/v1/codes/verify", json={"code": "SPR!"}).json()["position"] == 4
    assert api.post("/v1/codes/verify", json={"code": good}).json()["registered"]["code"] == good


def forged() -> str:
    """Written like a code of spring, and none."""
    return Pattern.of(SPRING["pattern"]).generate()


def test_a_publishable_key_is_told_valid_or_not_and_after_the_same_time(
    api: httpx.Client, collector: RunningCollector
) -> None:
    good = issued(api, max_uses=3)["code"]
    over = issued(api, expires_at="2020-01-01T00:00:00Z")["code"]
    used = issued(api, max_uses=1)["code"]
    codes = {good: True, over: False, used: False, "NOBODY": False, forged(): False}
    api.post("/v1/codes/verify", json={"code": used})  # its counters may take longer than a slot
    with collector.client(PUBLISHABLE) as page:
        page.get("/healthz")
        for code, valid in codes.items():
            began = time.perf_counter()
            answer = page.post("/v1/codes/verify", json={"code": code})
            took = time.perf_counter() - began
            assert took >= SLOT_SECONDS, f"{code} took {took} s"  # which comes at its end
            assert (answer.status_code, answer.json()) == (200, {"valid": valid}), code
        for method, path in (
            ("GET", "/v1/codes"),
            ("POST", "/v1/codes"),
            ("GET", f"/v1/codes/{good}"),
            ("POST", f"/v1/codes/{good}/revoke"),
            ("PUT", "/v1/code-formats/x"),
        ):
            answer = page.request(method, path, json={})
            assert answer.status_code == 403, path
            assert "secret key" in answer.json()["detail"]
    with collector.client(None) as nobody:
        assert nobody.post("/v1/codes/verify", json={"code": good}).status_code == 401


def test_guessing_is_slowed_down(collector: RunningCollector) -> None:
    """Two a second and a burst of sixty: a wrong guess costs five of them."""
    answers: list[int] = []
    with collector.client(PUBLISHABLE) as page:
        page.headers["x-forwarded-for"] = "203.0.113.9"
        while 429 not in answers:
            answer = page.post("/v1/codes/verify", json={"code": f"GUESS{len(answers)}"})
            answers.append(answer.status_code)
            assert len(answers) < 40
        page.headers["x-forwarded-for"] = "203.0.113.10"
        assert page.post("/v1/codes/verify", json={"code": "GUESS"}).status_code == 200
    assert int(answer.headers["retry-after"]) >= 1
    assert "ask again" in answer.json()["detail"]
    limited = 'reftrail_collector_codes_limited_total{key="publishable",scope="address"}'
    assert collector.metric(limited) == 1
    verified = "reftrail_collector_codes_verified_total"
    assert collector.metric(verified + '{answer="not valid",key="publishable"}') >= 5
    assert collector.metric(verified + '{answer="unknown",key="publishable"}') == 0
