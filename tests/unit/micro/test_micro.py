"""The test double over HTTP: what it takes, refuses and decides, as an installation does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from support.edge import running_edge
from support.http_server import served

from reftrail.campaigns import Campaign
from reftrail.contracts.errors import ExpectedError
from reftrail.micro.composition import CodeGiven, Given, MicroInstallation
from reftrail.micro.routes import Micro

CAMPAIGN = {
    "campaign_id": "spring",
    "name": "Spring",
    "trigger": "first_purchase",
    "reward": {
        "currency": "EUR",
        "referrer": {"value": "5.00", "kind": "credit"},
        "referee": {"value": "3.00", "kind": "credit"},
    },
    "fraud": {"weights": {"fast_signup": 0, "instant_signup": 0, "fast_purchase": 0}},
}
GIVEN = Given(
    [Campaign.model_validate(CAMPAIGN)],
    [CodeGiven("AMY", "amy"), CodeGiven("Zoe", "zoe", "spring")],
    "https://shop.example/welcome",
)
JOURNEY: list[dict[str, Any]] = [
    {"type": "click", "visitor_id": "v1", "code": "amy"},
    {"type": "signup", "visitor_id": "v1", "user_id": "bob", "email": "bob@mail.example"},
    {
        "type": "purchase",
        "user_id": "bob",
        "order_id": "O1",
        "amount": "20.00",
        "currency": "EUR",
    },
]


@pytest.fixture
def micro() -> Iterator[httpx.Client]:
    with served(lambda: Micro(GIVEN)) as url, httpx.Client(base_url=url, timeout=10) as client:
        yield client


def send(client: httpx.Client, *events: dict[str, Any], key: str = "sk_micro") -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return client.post("/v1/events", json={"events": [*events]}, headers=headers)


def rewards(client: httpx.Client, **query: str) -> list[tuple[str, ...]]:
    found = client.get("/micro/rewards", params=query).json()["rewards"]
    return [
        (reward["beneficiary"], reward["status"], reward["value"], reward["currency"])
        for reward in found
    ]


def test_a_journey_earns_both_sides_their_reward(micro: httpx.Client) -> None:
    assert send(micro, *JOURNEY).json() == {"accepted": 3, "rejected": []}
    assert rewards(micro) == [
        ("amy", "granted", "5.00", "EUR"),
        ("bob", "granted", "3.00", "EUR"),
    ]
    assert rewards(micro, user_id="amy") == [("amy", "granted", "5.00", "EUR")]
    (attribution,) = micro.get("/micro/rewards").json()["attributions"]
    assert (attribution["user_id"], attribution["code"]) == ("bob", "AMY")


def test_a_refund_takes_the_rewards_back(micro: httpx.Client) -> None:
    send(micro, *JOURNEY)
    send(micro, {"type": "refund", "user_id": "bob", "order_id": "O1"})
    assert {status for _, status, _, _ in rewards(micro)} == {"reversed"}
    ledger = micro.get("/micro/rewards").json()["ledger"]
    assert [entry["status"] for entry in ledger] == ["granted"] * 2 + ["reversed"] * 2


def test_a_guess_earns_nothing_until_its_code_is_typed(micro: httpx.Client) -> None:
    phone = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0 Mobile"
    keyed = {"authorization": "Bearer pk_micro"}
    device = {"os": "android", "device": "phone"}
    bought = {"type": "purchase", "order_id": "O1", "amount": "20.00", "currency": "EUR"}
    for user, typed in (("bob", {}), ("cleo", {"code": "amy"})):
        micro.get("/r/AMY", headers={"user-agent": phone})
        app = {"visitor_id": f"app-of-{user}"}
        found = micro.post("/v1/match", json=app | device, headers=keyed).json()
        assert (found["match"], found["code"]) == ("guess", "AMY")
        send(micro, {"type": "signup", "user_id": user} | app | typed, bought | {"user_id": user})
    decided = micro.get("/micro/rewards").json()
    assert [(one["user_id"], one["code"]) for one in decided["attributions"]] == [("cleo", "AMY")]
    assert rewards(micro) == [
        ("amy", "granted", "5.00", "EUR"),
        ("cleo", "granted", "3.00", "EUR"),
    ]
    journey = micro.get("/micro/good", params={"visitor_id": "app-of-cleo"}).json()["events"]
    assert '"match":"guess","by":"address","code":"AMY"' in journey[0]["properties"]


def test_an_exact_match_is_a_touch_for_the_signup(micro: httpx.Client) -> None:
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Mobile/15E148"
    led = micro.get("/r/AMY", headers={"user-agent": phone})
    signed = parse_qs(urlsplit(led.headers["location"]).query)["ref_signed"][0]
    body = {"visitor_id": "app", "signed_click": signed}
    keyed = {"authorization": "Bearer pk_micro"}
    assert micro.post("/v1/match", json=body, headers=keyed).json()["match"] == "exact"
    send(micro, JOURNEY[1] | {"visitor_id": "app"}, JOURNEY[2])
    assert rewards(micro, user_id="amy") == [("amy", "granted", "5.00", "EUR")]


def test_good_has_the_records_of_accepted_events(micro: httpx.Client) -> None:
    send(micro, *JOURNEY)
    click, signup, _ = micro.get("/micro/good").json()["events"]
    assert (click["type"], click["code"], click["code_known"]) == ("click", "AMY", True)
    assert signup["email_hash"]
    assert "mail.example" not in micro.get("/micro/good").text
    assert [
        event["type"]
        for event in micro.get("/micro/good", params={"user_id": "bob"}).json()["events"]
    ] == ["signup", "purchase"]
    one = micro.get("/micro/good", params={"user_id": "bob", "type": "signup"}).json()["events"]
    assert len(one) == 1


def test_bad_has_each_event_that_was_refused_with_its_reason(micro: httpx.Client) -> None:
    misspelt = {"type": "view", "visitor_id": "v1", "cod": "AMY"}
    taken = send(micro, JOURNEY[0], misspelt).json()
    (bad,) = micro.get("/micro/bad").json()["bad"]
    assert bad["item"] == misspelt
    assert [{"index": 1, "pointer": bad["pointer"], "reason": bad["reason"]}] == taken["rejected"]
    assert (bad["method"], bad["path"], bad["status"]) == ("POST", "/v1/events", 202)


def test_bad_has_requests_that_were_refused(micro: httpx.Client) -> None:
    send(micro, JOURNEY[0], key="sk_other")
    micro.post("/v1/events", content=b"{", headers={"authorization": "Bearer sk_micro"})
    send(micro, JOURNEY[1], key="pk_micro")
    found = micro.get("/micro/bad").json()["bad"]
    assert [(bad["status"], bad["pointer"]) for bad in found] == [
        (401, None),
        (400, None),
        (202, "/type"),
    ]
    assert "not JSON" in found[1]["reason"]
    assert micro.get("/micro/good").json() == {"events": []}


def test_bad_has_dead_letters_of_the_rules(micro: httpx.Client) -> None:
    review = {"code": "AMY", "user_id": "nobody", "decision": "approve"}
    answer = micro.post("/v1/reviews", json=review, headers={"authorization": "Bearer sk_micro"})
    assert answer.json()["accepted"] == 1
    (letter,) = micro.get("/micro/bad").json()["dead_letters"]
    assert (letter["topic"], letter["key"]) == ("reward-inputs", "AMY")
    assert letter["detail"]


@pytest.mark.parametrize("path", ["/micro/codes", "/micro/reset"])
def test_a_page_of_another_site_can_t_act(micro: httpx.Client, path: str) -> None:
    body = {"code": "EVE", "owner_user_id": "eve"}
    elsewhere = micro.post(path, json=body, headers={"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 403
    beside = micro.post(path, json=body, headers={"sec-fetch-site": "same-site"})
    assert beside.is_success, "a test in a browser, from another port"


def test_a_reset_begins_anew_with_the_same_codes(micro: httpx.Client) -> None:
    send(micro, *JOURNEY, {"type": "view"})
    assert micro.post("/micro/reset").status_code == 200
    assert micro.get("/micro/good").json() == {"events": []}
    assert micro.get("/micro/bad").json() == {"bad": [], "dead_letters": []}
    assert rewards(micro) == []
    send(micro, *JOURNEY)
    assert len(rewards(micro)) == 2


def test_a_code_can_be_registered_and_change_its_owner(micro: httpx.Client) -> None:
    made = micro.post("/micro/codes", json={"code": "NEW", "owner_user_id": "eve"})
    assert (made.status_code, made.json()["campaign_id"]) == (201, "spring")
    assert (
        micro.post("/micro/codes", json={"code": "new", "owner_user_id": "ann"}).json()["code"]
        == "NEW"
    )
    click = {**JOURNEY[0], "code": "NEW"}
    send(micro, click, *JOURNEY[1:])
    assert ("ann", "granted", "5.00", "EUR") in rewards(micro)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"code": "a b:c"}, None),
        ({"code": "A", "campaign_id": "none"}, None),
        ({"code": 1}, "/code"),
        ({"code": "A", "owner": "amy"}, "/owner"),
        ([], ""),
    ],
)
def test_a_code_that_can_not_be_is_refused(
    micro: httpx.Client, body: Any, pointer: str | None
) -> None:
    answer = micro.post("/micro/codes", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("pointer") == pointer


def test_a_link_counts_a_click_and_leads_to_the_page(micro: httpx.Client) -> None:
    answer = micro.get("/r/AMY", headers={"user-agent": "Mozilla/5.0 Firefox/140.0"})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("https://shop.example/welcome?ref=AMY&ref_click=")
    (click,) = micro.get("/micro/good").json()["events"]
    assert (click["type"], click["code"], click["code_known"]) == ("click", "AMY", True)


def test_the_page_shows_what_came_in_and_what_was_decided(micro: httpx.Client) -> None:
    send(micro, *JOURNEY, {"type": "view", "visitor_id": "<script>", "nonsense": 1})
    page = micro.get("/micro")
    assert page.headers["content-type"].startswith("text/html")
    for said in ("Came in: 3", "Refused: 1", "Referred: 1", "Rewards: 2", "granted", "5.00 EUR"):
        assert said in page.text
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_other_routes_are_those_of_the_collector(micro: httpx.Client, tmp_path: Path) -> None:
    described = set(micro.get("/v1/openapi.json").json()["paths"])
    with running_edge(tmp_path) as edge:
        theirs = set(edge.nobody.get("/v1/openapi.json").json()["paths"])
    ours = {path for path in described if path.startswith("/micro")}
    assert ours == {f"/micro{end}" for end in ("", "/good", "/bad", "/rewards", "/codes", "/reset")}
    without_store = {path for path in theirs if not path.startswith("/v1/code")}
    assert described - ours == without_store
    assert micro.get("/readyz").status_code == 200


def test_pages_of_any_origin_may_send(micro: httpx.Client) -> None:
    headers = {"origin": "http://127.0.0.1:3000", "authorization": "Bearer pk_micro"}
    answer = micro.post("/v1/events", json=JOURNEY[0], headers=headers)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_an_adjustment_is_in_the_ledger(micro: httpx.Client) -> None:
    send(micro, *JOURNEY)
    adjustment = {
        "adjustment_id": "A1",
        "code": "AMY",
        "user_id": "bob",
        "role": "referrer",
        "amount": "2.00",
        "currency": "EUR",
        "reason": "goodwill",
    }
    headers = {"authorization": "Bearer sk_micro"}
    assert micro.post("/v1/adjustments", json=adjustment, headers=headers).status_code == 202
    assert micro.get("/micro/bad").json()["dead_letters"] == []
    entry = micro.get("/micro/rewards").json()["ledger"][-1]
    assert (entry["beneficiary"], entry["value"]) == ("amy", "2.00")
    other = adjustment | {"amount": "3.00"}
    assert micro.post("/v1/adjustments", json=other, headers=headers).status_code == 422


def test_a_code_of_no_campaign_is_an_error_at_the_start() -> None:
    with pytest.raises(ExpectedError, match="there is no campaign autumn"):
        MicroInstallation(
            Given(GIVEN.campaigns, [CodeGiven("A", "a", "autumn")], "https://a.example")
        )


@pytest.mark.parametrize(
    "body",
    [
        rb'{"code": "EVE", "\ud800": 1}',
        rb'{"code": "EVE", "campaign_id": "\ud800"}',
        rb'{"code": "EVE", "owner_user_id": "\u200b"}',
        rb'{"code": "\ud800"}',
    ],
)
def test_a_code_that_cant_be_is_refused(micro: httpx.Client, body: bytes) -> None:
    answer = micro.post("/micro/codes", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
