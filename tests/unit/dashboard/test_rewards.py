"""Rewards, their chain, the review queue, codes and users, on the real engine."""

import re
from collections.abc import AsyncIterator
from html import escape, unescape
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from support.clickhouse import ClickHouse
from support.dashboard import KEY, Collector, dashboard_app, parts
from support.programme import T0, attributed, click, code, entry, signup

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CODES, EVENTS, REVIEWS, REWARDS
from reftrail.dashboard.sessions import COOKIE
from reftrail.dashboard.view import ZONE_COOKIE
from reftrail.reports.explain.explanation import Explanation
from reftrail.reports.user_view.history import USUAL

EVIDENCE = (
    '[{"figures":{"device":"<ab>","seen_at":1790000000000},"reason":"owner_device","weight":60}]'
)
HEADERS = {"accept": "text/html", "host": "127.0.0.1"}
PERIOD = "from=2026-09-01&to=2026-10-01"


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
async def http(clickhouse: ClickHouse, collector: Collector) -> AsyncIterator[httpx.AsyncClient]:
    await clickhouse.load(CODES, [code("AMY", "spring", owner_user_id="amy")])
    await clickhouse.load(EVENTS, [click("v1", "AMY"), signup("uma", "v1", event_time=T0 + 1)])
    await clickhouse.load(ATTRIBUTIONS, [attributed("uma", "AMY", event_time=T0 + 1)])
    suspected = {"reasons": ["owner_device"], "score": 60, "evidence": EVIDENCE}
    await clickhouse.load(
        REWARDS,
        [
            entry("r1", "AMY", "uma", value=5_000_000, status="held", beneficiary="amy",
                  due_at=T0 + DAY, **suspected),
            entry("r2", "AMY", "vic", value=7_000_000, status="held", **suspected),
            entry("r2", "AMY", "vic", value=7_000_000, status="rejected", reasons=["declined"]),
            entry("r3", "AMY", "wes", value=9_000_000, beneficiary="amy"),
        ],
    )  # fmt: skip
    review = Reviewed(
        event_id="d1", event_time=T0, received_at=T0, code="AMY", user_id="vic", reward_id="r2",
        decision="decline", reviewer="ann", reason="fraud", note="<i>seen</i>",
    )  # fmt: skip
    await clickhouse.load(REVIEWS, [review])
    given = parts(send_review=collector.sender())
    app = httpx.ASGITransport(app=dashboard_app(clickhouse, given), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=app, base_url="http://127.0.0.1", headers=HEADERS
    ) as client:
        await client.post("/signin", data={"key": "sk_reviewer"})
        assert client.cookies[COOKIE]
        yield client


async def form_of(http: httpx.AsyncClient, reward: str) -> dict[str, str]:
    """The hidden fields of the form about a reward."""
    forms = re.findall(
        r'<form method="post" action="/review".*?</form>', (await queue(http)), re.DOTALL
    )
    [form] = [form for form in forms if f'value="{reward}"' in form]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="(.*?)"', form))


async def queue(http: httpx.AsyncClient) -> str:
    answer = await http.get("/review")
    assert answer.status_code == 200
    return unescape(answer.text).replace("\n", " ")


async def test_rewards_are_listed_by_status_user_and_code(http: httpx.AsyncClient) -> None:
    for query, rewards in {
        "": {"r1", "r2", "r3"},
        "&status=held": {"r1"},
        "&user=amy": {"r1", "r3"},
        "&user=vic": {"r2"},
        "&code=amy&status=granted": {"r3"},
        "&campaign=autumn": set(),
    }.items():
        page = (await http.get(f"/rewards?{PERIOD}{query}")).text
        assert set(re.findall(r'href="/rewards/(r\d)"', page)) == rewards, query
    answer = await http.get("/rewards?status=nope")
    assert (answer.status_code, "there is no status" in answer.text) == (422, True)


async def test_a_reward_shows_its_entries_evidence_decisions_and_what_led_to_it(
    http: httpx.AsyncClient,
) -> None:
    page = (await http.get("/rewards/r2?time_zone=Europe/Berlin")).text
    assert page.index("<b>held</b>") < page.index("<b>rejected</b>")
    assert "owner device" in page
    assert "<ab>" not in page
    assert "&lt;ab&gt;, seen at 2026-09-21 16:13:20 +0200" in page
    assert "<b>decline</b> by ann" in page
    assert "&lt;i&gt;seen&lt;/i&gt;" in page
    page = (await http.get("/rewards/r1")).text
    assert "User uma is attributed to AMY by first touch" in page
    assert "<b>attributed</b> to AMY" in page
    assert (await http.get("/rewards/nope")).status_code == 404


async def test_the_queue_has_what_waits_with_its_evidence(http: httpx.AsyncClient) -> None:
    page = await queue(http)
    held, refused = page.split("Rejected and reversed")
    assert re.findall(r'href="/rewards/(r\d)"', held) == ["r1"]
    assert re.findall(r'href="/rewards/(r\d)"', refused) == ["r2"]
    assert "5.00 USD for amy" in held
    assert "owner device" in held
    assert re.findall(r'name="decision" value="(\w+)"', page) == ["approve", "decline", "reinstate"]


@pytest.mark.parametrize(
    ("reward", "decision", "more"),
    [("r1", "approve", {}), ("r1", "decline", {"reason": "fraud", "note": "two phones"}),
     ("r2", "reinstate", {"reason": "goodwill"})],
)  # fmt: skip
async def test_a_decision_goes_to_the_collector_under_the_key_of_the_session(
    http: httpx.AsyncClient, collector: Collector, reward: str, decision: str, more: dict[str, str]
) -> None:
    form = await form_of(http, reward)
    answer = await http.post("/review", data={**form, "decision": decision, "reason": "", **more})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/review?done={decision}")
    [(key, sent)] = collector.taken
    assert key == "sk_reviewer"
    user = {"r1": "uma", "r2": "vic"}[reward]
    assert sent == {
        "code": "AMY", "user_id": user, "reward_id": reward, "decision": decision,
        "event_id": form["event_id"], **more,
    }  # fmt: skip


async def test_a_form_from_elsewhere_decides_nothing(
    http: httpx.AsyncClient, collector: Collector
) -> None:
    form = {**await form_of(http, "r1"), "decision": "approve"}
    without = {name: value for name, value in form.items() if name != "csrf"}
    for data, headers in (
        (without, {}),
        ({**form, "csrf": "0" * 64}, {}),
        (form, {"origin": "https://evil.test"}),
        (form, {"sec-fetch-site": "cross-site"}),
    ):
        answer = await http.post("/review", data=data, headers=headers)
        assert answer.status_code == 400
    assert collector.taken == []


async def test_what_the_collector_refuses_is_said(
    http: httpx.AsyncClient, collector: Collector
) -> None:
    form = {**await form_of(http, "r1"), "decision": "approve"}
    collector.rejected = [{"index": 0, "reason": "note: too long"}]
    answer = await http.post("/review", data=form)
    assert (answer.status_code, "note: too long" in answer.text) == (422, True)
    collector.is_down = True
    answer = await http.post("/review", data=form)
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    answer = await http.post("/review", data={**form, "decision": "perhaps"})
    assert answer.status_code == 400


async def test_only_a_reviewer_decides(http: httpx.AsyncClient, collector: Collector) -> None:
    form = {**await form_of(http, "r1"), "decision": "approve"}
    await http.post("/signin", data={"key": "sk_people"})
    page = await queue(http)
    assert 'action="/review" class="decide"' not in page
    assert "reviews:write" in page
    answer = await http.post("/review", data=form)
    assert (answer.status_code, collector.taken) == (403, [])
    bearer = {"authorization": f"Bearer {KEY}"}
    assert (await http.post("/review", data=form, headers=bearer)).status_code == 400


@pytest.mark.parametrize("name", ["a%2Fb", "50%?#é", "../b"])
async def test_links_of_a_page_about_an_odd_name_lead_to_the_same_page(
    http: httpx.AsyncClient, clickhouse: ClickHouse, name: str
) -> None:
    rewards = [
        entry(f"of{number}", "AMY", f"u{number}", value=1_000_000, beneficiary=name)
        for number in range(USUAL + 1)
    ]
    await clickhouse.load(REWARDS, rewards)
    path = f"/users/{quote(name, safe='')}"
    [earlier] = re.findall(r'<a href="([^"]*)">Earlier entries', (await http.get(path)).text)
    answer = await http.get(unescape(earlier))
    assert f"<h1>User {name}</h1>" in unescape(answer.text)
    assert "1.00 USD" in answer.text

    path = f"/campaigns/{quote(name, safe='')}"
    page = (await http.get(path)).text
    [form] = re.findall(r'<form class="filters" method="get" action="([^"]*)"', page)
    preset = re.findall(r'<a href="([^"]*)">7 days', page)[0]
    for link in (form, preset):
        title = f"<h1>Campaign {name}</h1>"
        assert title in unescape((await http.get(unescape(link))).text), link

    http.cookies.clear()
    answer = await http.get(path)
    signed_in = await http.post("/signin", data={"key": KEY, "next": _next(answer)})
    assert (await http.get(signed_in.headers["location"])).text.count(f"Campaign {escape(name)}")


def _next(answer: httpx.Response) -> str:
    """The page to which somebody comes who signs in."""
    return parse_qs(urlsplit(answer.headers["location"]).query)["next"][0]


async def test_the_last_time_that_a_calendar_has_is_shown(
    http: httpx.AsyncClient, clickhouse: ClickHouse
) -> None:
    """Codes without an end were given this one, in which no zone ahead of UTC has a time."""
    last = 253_402_300_799_000
    await clickhouse.load(CODES, [code("EVER", "spring", expires_at=last)])
    held = entry("ever", "EVER", "uma", value=1_000_000, status="held", due_at=last)
    await clickhouse.load(REWARDS, [held])
    for path in ("/codes/EVER", "/review", "/rewards/ever"):
        answer = await http.get(f"{path}?time_zone=Asia/Kolkata")
        assert answer.status_code == 200, path


async def test_a_code_and_a_user_have_pages(http: httpx.AsyncClient) -> None:
    page = (await http.get(f"/codes/amy?{PERIOD}")).text
    assert "Code AMY" in page
    assert 'href="/users/amy"' in page
    assert "<h3>Clicks</h3>" in page
    assert "Nobody has registered" in (await http.get("/codes/NOPE")).text
    page = (await http.get("/users/amy")).text
    assert "9.00 <small>USD" in page
    assert 'href="/rewards/r3"' in page
    assert "Has earned nothing" in (await http.get("/users/a%2Fb")).text


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_every_reward_of_a_user_is_found_in_each_time_zone(
    http: httpx.AsyncClient, zone: str
) -> None:
    """And from there the pages with a comparison, about the same period."""
    http.cookies[ZONE_COOKIE] = quote(zone, safe="")
    page = (await http.get("/users/amy")).text
    [every] = re.findall(r'<a href="([^"]*)">Every reward', page)
    answer = await http.get(unescape(every))
    assert (answer.status_code, 'href="/rewards/r3"' in answer.text) == (200, True)
    [quality] = re.findall(r'<a href="([^"]*)">Data quality', answer.text)
    assert (await http.get(unescape(quality))).status_code == 200


@pytest.mark.parametrize(
    "path", ["/fraud", "/reconciliation", "/quality", "/forecast", "/live", "/live/rows"]
)
async def test_pages_for_watching(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(f"{path}?{PERIOD}")
    assert answer.status_code == 200
    says = {
        "/fraud": "owner_device", "/reconciliation": "Checks", "/quality": "p95 lag seconds",
        "/forecast": "No forecast: ",
    }  # fmt: skip
    assert says.get(path, "sign") in answer.text
    await http.post("/signin", data={"key": "sk_reports"})
    allowed = path not in ("/live", "/live/rows")
    assert (await http.get(f"{path}?{PERIOD}")).status_code == (200 if allowed else 403)


async def test_an_explanation_without_kafka_says_that_it_is_away(clickhouse: ClickHouse) -> None:
    def explain(*_: object) -> Explanation:
        raise ExpectedError("Kafka at broker:9092 does not answer")

    await clickhouse.load(REWARDS, [entry("r1", "AMY", "uma", value=5_000_000)])
    app = httpx.ASGITransport(app=dashboard_app(clickhouse, parts(explain=explain)))
    keys = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=app, base_url="http://r", headers=keys) as client:
        answer = await client.get("/rewards/r1/explanation", headers={"accept": "text/html"})
    assert answer.status_code == 503
    assert "Kafka at broker:9092 does not answer" in answer.text
