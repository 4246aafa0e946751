"""A user's own page behind a signed link, on the real engine."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from support.authorizing import stored
from support.clickhouse import ClickHouse
from support.dashboard import KEY, SECRET, dashboard_app, dashboard_authorization
from support.dashboard_rewards import AS_OF
from support.programme import T0, code, entry

from reftrail.contracts.api_keys import hash_of
from reftrail.contracts.topics import CODES, REWARDS
from reftrail.dashboard.sealing import Seal
from reftrail.edge.authorization import Authorization
from reftrail.reports.user_view.gathered import MOST_SHOWN
from reftrail.warehouse.placing.placer import Placer

KEYS = {"authorization": f"Bearer {KEY}"}
SHARE = "https://events.shop.example/r/{code}"


@pytest.fixture
def authorization() -> Authorization:
    return dashboard_authorization()


@pytest.fixture(scope="module")
def loaded(shared_clickhouse: ClickHouse) -> ClickHouse:
    """Codes and rewards of two users; a test that loads more does so for a third one."""
    asyncio.run(_load(shared_clickhouse))
    return shared_clickhouse


async def _load(clickhouse: ClickHouse) -> None:
    await clickhouse.load(
        CODES,
        [
            code("AMY", "spring", owner_user_id="amy", status="active"),
            code("OLD", "spring", owner_user_id="amy", status="revoked"),
            code("BOB", "spring", owner_user_id="bob", status="active"),
        ],
    )
    await clickhouse.load(
        REWARDS,
        [
            entry("r1", "AMY", "secret-uma", value=5_000_000, beneficiary="amy"),
            entry("r2", "AMY", "secret-vic", value=3_000_000, status="held", beneficiary="amy"),
            entry("r3", "BOB", "wes", value=77_000_000, beneficiary="bob"),
        ],
    )


@pytest.fixture
async def http(
    loaded: ClickHouse, authorization: Authorization
) -> AsyncIterator[httpx.AsyncClient]:
    made = dashboard_app(loaded, authorization=authorization)
    app = httpx.ASGITransport(app=made, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=app, base_url="http://reports") as client:
        yield client


async def links(
    http: httpx.AsyncClient, user: str = "amy", key: str = KEY, **asked: Any
) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {key}"}
    answer = await http.post(f"/v1/users/{user}/links", json=asked, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_user_sees_their_own_figures_and_nobody_elses(http: httpx.AsyncClient) -> None:
    made = await links(http, share_url=SHARE)
    for path in (made["page"], made["widget"]):
        page = (await http.get(path)).text
        assert "5.00 <small>USD credit" in page
        assert "3.00 USD pending" in page
        assert "https://events.shop.example/r/AMY" in page
        for other in ("secret-", "BOB", "bob", "77", "OLD", "wes"):
            assert other not in page.replace(made["page"], ""), other
    other = (await http.get((await links(http, "bob"))["page"])).text
    assert "77.00" in other
    assert "AMY" not in other


async def test_a_user_sees_which_place_they_have_on_the_leaderboard(
    loaded: ClickHouse, authorization: Authorization
) -> None:
    rewards = [entry(f"p{n}", "PAM", f"secret-{n}", value=1, beneficiary="pam") for n in range(3)]
    behind = [entry(f"q{n}", "QUI", f"other-{n}", value=1, beneficiary="qui") for n in range(2)]
    held = entry("q9", "QUI", "other-9", value=1, status="held", beneficiary="qui")
    await loaded.load(REWARDS, [*rewards, *behind, held])
    placer = Placer(loaded.writing, lambda: AS_OF)
    app = dashboard_app(loaded, authorization=authorization, placed=placer)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://reports") as http:
        made = {user: await links(http, user) for user in ("pam", "qui", "amy", "zoe")}
        assert "Leaderboard" not in (await http.get(made["pam"]["page"])).text, "nothing placed"
        placer.place()
        for user, place in (("pam", 1), ("qui", 2), ("amy", 3)):
            for path in (made[user]["page"], made[user]["widget"]):
                text = (await http.get(path)).text
                assert f'<p class="value">#{place} <small>in spring</small></p>' in text, user
                assert "secret-" not in text
        assert "Leaderboard" not in (await http.get(made["zoe"]["page"])).text
        loaded.writing.command("DROP DATABASE default_placed_0")
        assert (await http.get(made["pam"]["page"])).status_code == 200


async def test_a_code_has_its_qr_and_others_have_none(http: httpx.AsyncClient) -> None:
    made = await links(http, share_url=SHARE)
    drawn = await http.get(f"{made['page']}/qr/AMY")
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
    assert "<svg" in drawn.text
    for name in ("BOB", "OLD", "NOPE"):
        assert (await http.get(f"{made['page']}/qr/{name}")).status_code == 404
    without = await links(http)
    assert (await http.get(f"{without['page']}/qr/AMY")).status_code == 404


async def test_only_origins_of_the_link_embed_the_widget(http: httpx.AsyncClient) -> None:
    made = await links(http, origins=["https://shop.example"])
    answer = await http.get(made["widget"])
    assert (
        "frame-ancestors 'self' https://shop.example" in answer.headers["content-security-policy"]
    )
    assert "x-frame-options" not in answer.headers
    own = await http.get(made["page"])
    assert "frame-ancestors 'none'" in own.headers["content-security-policy"]


@pytest.mark.parametrize(
    "asked",
    [
        {"days": 0},
        {"days": 367},
        {"origins": ["https://a.example; script-src *"]},
        {"origins": ["*"]},
        {"share_url": "javascript:alert({code})"},
        {"share_url": "https://shop.example/"},
        {"user": "bob"},
    ],
)
async def test_what_a_link_may_not_have_is_refused(
    http: httpx.AsyncClient, asked: dict[str, Any]
) -> None:
    answer = await http.post("/v1/users/amy/links", json=asked, headers=KEYS)
    assert answer.status_code == 422


async def test_a_link_that_is_changed_or_expired_leads_nowhere(http: httpx.AsyncClient) -> None:
    token = (await links(http))["page"].removeprefix("/u/")
    changed = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    expired = Seal(SECRET, "user link", lambda: 1_000.0).close(
        {"user": "amy", "share": None, "origins": []}, 60
    )
    session = Seal(SECRET, "session").close({"key": KEY}, 60)
    for text in (changed, expired, session, "x", token[:-4]):
        for path in (f"/u/{text}", f"/u/{text}/widget", f"/u/{text}/qr/AMY"):
            answer = await http.get(path, headers={"accept": "text/html"})
            assert answer.status_code == 404, path
            assert "AMY" not in answer.text.replace(path, "")


async def test_a_link_needs_a_key_that_reads_users(http: httpx.AsyncClient) -> None:
    reports = {"authorization": "Bearer sk_reports"}
    assert (await http.post("/v1/users/amy/links", json={}, headers=reports)).status_code == 403
    assert (await http.post("/v1/users/amy/links", json={})).status_code == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"revoked_at": 2},
        {"expires_at": 2},
        {"scopes": ["reports:read"]},
        {"hash": hash_of("sk_rotated")},
    ],
)
async def test_a_link_ends_with_the_key_that_made_it(
    http: httpx.AsyncClient, authorization: Authorization, changed: dict[str, Any]
) -> None:
    made = await links(http, key="sk_people", share_url=SHARE)
    paths = (made["page"], made["widget"], f"{made['page']}/qr/AMY")
    assert [(await http.get(path)).status_code for path in paths] == [200] * 3
    fields = {"scopes": ["reports:read", "users:read"], "revision": 2, **changed}
    authorization.keys.take(stored("people", "sk_people", **fields))
    for path in paths:
        answer = await http.get(path)
        assert (answer.status_code, "AMY" in answer.text) == (404, False), path


async def test_a_link_waits_until_keys_are_read(
    http: httpx.AsyncClient, authorization: Authorization
) -> None:
    made = await links(http, key="sk_people")
    authorization.keys.drop("people")
    authorization.keys.is_complete = False
    assert (await http.get(made["page"])).status_code == 503


async def test_active_codes_are_shown_however_many_inactive_ones_are_newer(
    http: httpx.AsyncClient, loaded: ClickHouse
) -> None:
    newer = [
        code(f"OFF{nth}", "spring", owner_user_id="cyd", status="revoked", created_at=T0 + nth)
        for nth in range(MOST_SHOWN + 1)
    ]
    active = code("CYD", "spring", owner_user_id="cyd", status="active")
    await loaded.load(CODES, [active, *newer])
    made = await links(http, "cyd", share_url=SHARE)
    page = (await http.get(made["page"])).text
    assert "https://events.shop.example/r/CYD" in page
    assert "OFF" not in page.replace(made["page"], "")
    assert (await http.get(f"{made['page']}/qr/CYD")).status_code == 200


async def test_a_share_url_has_the_code_once_so_that_its_qr_code_can_be_drawn(
    http: httpx.AsyncClient,
) -> None:
    body = {"share_url": f"{SHARE}?again={{code}}"}
    answer = await http.post("/v1/users/amy/links", json=body, headers=KEYS)
    assert answer.status_code == 422
    assert "share_url must have {code} once" in answer.json()["detail"]
    made = await links(http, share_url="https://shop.example/" + "\U0001f600" * 381 + "{code}")
    assert (await http.get(f"{made['page']}/qr/AMY")).status_code == 200
