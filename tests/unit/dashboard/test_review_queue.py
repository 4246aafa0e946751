"""The review queue, and decisions that are sent to the collector, on the real engine."""

import re
from html import unescape

import httpx
import pytest
from support.dashboard import KEY, Collector


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
