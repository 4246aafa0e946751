"""One Idempotency-Key under two contents."""

from typing import Any

from support.edge import RunningEdge

VIEW = {"type": "view", "visitor_id": "ida"}


def sent(edge: RunningEdge, key: str, body: Any, *, publishable: bool = False) -> int:
    client = edge.published if publishable else edge.secret
    answer = client.post("/v1/events", json=body, headers={"idempotency-key": key})
    if answer.status_code == 422:
        assert "Idempotency-Key" in answer.json()["detail"]
    return answer.status_code


def test_other_content_is_refused_and_the_same_is_the_same(edge: RunningEdge) -> None:
    before = len(edge.written.messages)
    for body in (VIEW, {"events": [VIEW], "sent_at": None}, VIEW):
        assert sent(edge, "once", body) == 202
    assert sent(edge, "once", VIEW | {"code": "AMY"}) == 422
    assert sent(edge, "once", {"events": [VIEW, VIEW]}) == 422
    assert sent(edge, "once", VIEW | {"code": "AMY"}, publishable=True) == 202
    ids = [event.event_id for event in edge.written.events(before)]
    assert (len(ids), len(set(ids))) == (4, 2)


def test_a_refused_request_s_key_is_free(edge: RunningEdge) -> None:
    assert sent(edge, "free", {"events": {}}) == 400
    assert sent(edge, "free", VIEW) == 202
