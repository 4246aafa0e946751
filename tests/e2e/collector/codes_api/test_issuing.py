"""Codes issued, changed and listed over HTTP, on a real store."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
from support.codes_api import SPRING, issued
from support.collector import SECRET


def test_the_life_of_a_code(api: httpx.Client) -> None:
    made = issued(
        api,
        owner_user_id="amy",
        max_uses=5,
        max_distributes=10,
        channel_limits={"mail": 2},
        expires_at="2099-01-01T00:00:00Z",
        record={"kind": "ticket", "id": "T-1"},
        reason="a friend",
    )
    code = made["code"]
    assert (made["status"], made["owner_user_id"], made["revision"]) == ("active", "amy", 1)
    assert made["expires_at"] == "2099-01-01T00:00:00.000Z"
    assert made["link"] == f"https://shop.example/welcome?lang=en&ref={code}"

    for act, body, status, says in (
        ("distribute", {"channel": "mail", "count": 2}, 200, None),
        ("distribute", {"channel": "mail"}, 409, "2 times through mail"),
        ("bind", {"owner_user_id": "bob"}, 409, "another owner"),
        ("bind", {}, 422, "give owner_user_id"),
        ("suspend", {"reason": "odd traffic"}, 200, None),
        ("distribute", {}, 409, "suspended"),
        ("reactivate", {}, 200, None),
    ):
        answer = api.post(f"/v1/codes/{code}/{act}", json=body)
        assert answer.status_code == status, (act, answer.text)
        assert says is None or says in answer.json()["detail"]
    changed = api.patch(f"/v1/codes/{code}", json={"notes": "VIP", "expires_at": None}).json()
    assert (changed["code"]["notes"], changed["code"]["expires_at"]) == ("VIP", None)

    found = api.get(f"/v1/codes/{code}").json()
    assert found["counters"] == {
        "distributed": 2,
        "views": 5,
        "clicks": 4,
        "signups": 3,
        "purchases": 2,
        "attributed": 3,
        "rewards_granted": 4,
        "uses": 2,
        "uses_left": 3,
    }
    assert found["counters_as_of"] == "2026-09-21T14:13:20Z"

    again = api.post(f"/v1/codes/{code}/reissue").json()
    assert (again["old"]["status"], again["old"]["record"]) == ("revoked", None)
    assert (again["code"]["owner_user_id"], again["code"]["record"]) == ("amy", None)
    new = again["code"]["code"]
    assert api.get(f"/v1/codes/{new}").json()["record"] == {"kind": "ticket", "id": "T-1"}
    assert api.post(f"/v1/codes/{code}/reactivate").status_code == 409
    assert api.post(f"/v1/codes/{new}/expire").json()["code"]["status"] == "expired"
    assert api.post(f"/v1/codes/{new}/revoke").json()["code"]["status"] == "revoked"

    acts = api.get(f"/v1/codes/{code}/audit").json()["acts"]
    assert [act["act"] for act in acts] == [
        "issued",
        "distributed",
        "suspended",
        "reactivated",
        "changed",
        "reissued",
    ]
    assert acts[2]["reason"] == "odd traffic"
    assert {act["actor"].partition(" for ")[2] for act in acts} == {"ann@shop.example"}
    assert SECRET not in json.dumps(acts)


def test_batches_and_lists(api: httpx.Client) -> None:
    each = [{"campaign_id": "lists", "owner_user_id": f"user-{n}"} for n in range(7)]
    made = api.post("/v1/codes", json={"codes": each}).json()["codes"]
    assert [code["owner_user_id"] for code in made] == [item["owner_user_id"] for item in each]
    alike = api.post("/v1/codes", json={"campaign_id": "lists", "count": 3}).json()["codes"]
    existing = [{"code": f"OLD-{n}", "campaign_id": "lists"} for n in range(2)]
    taken = api.post("/v1/codes", json={"existing": existing})
    assert [code["code"] for code in taken.json()["codes"]] == ["OLD-0", "OLD-1"]
    clash = [{"code": "NEW-1", "campaign_id": "lists"}, {"code": "OLD-1", "campaign_id": "x"}]
    assert api.post("/v1/codes", json={"existing": clash}).status_code == 409
    assert api.get("/v1/codes/NEW-1").status_code == 404

    seen = []
    query = {"campaign": "lists", "limit": "5"}
    while query.get("cursor", "") is not None:
        page = api.get("/v1/codes", params=query).json()
        seen += [code["code"] for code in page["codes"]]
        query["cursor"] = page["next_cursor"]
    assert sorted(seen) == sorted(code["code"] for code in [*made, *alike, *taken.json()["codes"]])
    (hers,) = api.get("/v1/codes", params={"owner": "user-3", "campaign": "lists"}).json()["codes"]
    assert hers["code"] == made[3]["code"]
    old = api.get("/v1/codes", params={"prefix": "OLD-", "status": "active"}).json()["codes"]
    assert len(old) == 2
    assert api.get("/v1/codes", params={"prefix": "OLD-", "status": "revoked"}).json() == {
        "codes": [],
        "next_cursor": None,
    }
    for name, value in (("limit", "0"), ("limit", "1001"), ("status", "gone"), ("owners", "a")):
        answer = api.get("/v1/codes", params={name: value})
        assert (answer.status_code, answer.json()["pointer"]) == (422, f"/{name}")
    assert api.get("/v1/codes?cursor=x").status_code == 422


def test_derived_codes_are_issued_verified_and_bound(api: httpx.Client) -> None:
    assert api.put("/v1/code-formats/spring", json=SPRING).status_code == 200
    body = {"format": "spring", "count": 20}
    answer = api.post("/v1/codes", json=body, headers={"idempotency-key": "spring 1"})
    codes = answer.json()["codes"]
    assert [code["sequence"] for code in codes] == list(range(1, 21))
    found = api.get(f"/v1/codes/{codes[4]['code'].lower()}").json()
    assert (found["registered"], found["sequence"], found["campaign_id"]) == (False, 5, "spring")
    bound = api.post(f"/v1/codes/{codes[4]['code']}/bind", json={"owner_user_id": "amy"}).json()
    assert (bound["code"]["registered"], bound["code"]["owner_user_id"]) == (True, "amy")

    other = api.put("/v1/code-formats/spring", json=SPRING | {"campaign_id": "autumn"})
    assert other.status_code == 409
    spring, *_ = [
        format_
        for format_ in api.get("/v1/code-formats").json()["formats"]
        if format_["name"] == "spring"
    ]
    assert (spring["used"], spring["kind"]) == (20, "derived")
    wrong = api.put("/v1/code-formats/spring2", json=SPRING | {"kind": "secret"})
    assert (wrong.status_code, wrong.json()["pointer"]) == (422, "/kind")
    assert api.post("/v1/code-formats/none/retire").status_code == 404


def test_a_chosen_code_is_refused_with_another_that_would_do(api: httpx.Client) -> None:
    made = issued(api, code="Amy-Smith", owner_user_id="amy")
    assert (made["code"], made["origin"]) == ("AMY-SMITH", "vanity")
    taken = api.post("/v1/codes", json={"campaign_id": "summer", "code": "AMY-SM1TH"})
    assert taken.status_code == 409
    refused = api.post("/v1/codes", json={"campaign_id": "summer", "code": "AMY\u0410"})
    assert (refused.status_code, refused.json()["suggestion"]) == (422, "AMYA")


def test_a_request_is_done_once_under_one_idempotency_key(api: httpx.Client) -> None:
    def send(_: int) -> httpx.Response:
        return api.post(
            "/v1/codes",
            json={"campaign_id": "once", "count": 5},
            headers={"idempotency-key": "order 17"},
        )

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(16)))
    assert {answer.status_code for answer in answers} == {201}
    answered = [json.dumps(answer.json()["codes"]) for answer in answers]
    assert len(set(answered)) == 1
    assert sum("idempotent-replay" in answer.headers for answer in answers) == 15
    assert len(api.get("/v1/codes?campaign=once").json()["codes"]) == 5

    other = api.post(
        "/v1/codes", json={"campaign_id": "once"}, headers={"idempotency-key": "order 17"}
    )
    assert other.status_code == 422
    code = answers[0].json()["codes"][0]["code"]
    for _ in range(3):
        api.post(f"/v1/codes/{code}/distribute", json={}, headers={"idempotency-key": "hand 1"})
    assert api.get(f"/v1/codes/{code}").json()["distributed"] == 1
    refused = {"idempotency-key": "hand 2"}
    assert api.post(f"/v1/codes/{code}/reactivate", headers=refused).status_code == 200


def test_bodies_that_make_no_sense(api: httpx.Client) -> None:
    for body, status, pointer in (
        (b"{", 400, None),
        (b"[]", 422, ""),
        (b"{}", 422, "/campaign_id"),
        (b'{"campaign_id": "sumer"}', 422, "/campaign_id"),
        (b'{"campaign_id": "a", "colour": 1}', 422, "/colour"),
        (b'{"campaign_id": "a", "count": "3"}', 422, "/count"),
        (b'{"campaign_id": "a", "count": 1001}', 422, "/count"),
        (b'{"campaign_id": "a", "expires_at": "tomorrow"}', 422, "/expires_at"),
        (b'{"campaign_id": "a", "record": {"kind": "x"}}', 422, "/record/id"),
        (b'{"codes": [{"campaign_id": "a"}, {}]}', 422, "/codes/1/campaign_id"),
        (b'{"campaign_id": "a", "segments": {"by": "x"}}', 422, "/segments"),
        (b'{"campaign_id": "a", "format": "none"}', 404, None),
        (b" " * (2**20 + 1), 413, None),
    ):
        answer = api.post("/v1/codes", content=body)
        assert (answer.status_code, answer.json().get("pointer")) == (status, pointer), body[:50]
    assert api.post("/v1/codes/NOBODY/revoke").status_code == 404
    assert api.get("/v1/codes/NOBODY/audit").status_code == 404
    assert api.post("/v1/codes", json={}, headers={"x-actor": "a\tb"}).status_code == 422
    assert api.post("/v1/codes/x/bind?wait=yes", json={"owner_user_id": "a"}).status_code == 422


def test_pictures_lead_to_the_landing_page(api: httpx.Client) -> None:
    code = issued(api)["code"]
    png = api.get(f"/v1/codes/{code}/qr.png")
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG")
    svg = api.get(f"/v1/codes/{code}/qr.svg", params={"url": "https://other.example/"})
    assert svg.headers["content-type"] == "image/svg+xml"
    assert b"<svg" in svg.content
    assert api.get(f"/v1/codes/{code}/qr.svg?url=javascript:1").json()["pointer"] == "/url"
    assert api.get("/v1/codes/NOBODY/qr.png").status_code == 404
