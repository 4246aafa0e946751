"""Requests that cost much: others are answered meanwhile, and the cost has a bound."""

import random
import string
import threading
from typing import Any

import httpx
from support.edge import RunningEdge

VIEW = {"type": "view", "visitor_id": "v"}
CHANCE = random.Random(13)
FEW = 3
"""Requests that are answered meanwhile on the busiest machine; one that waits for no pause is 1."""


def letters(count: int, of: str = string.ascii_letters) -> str:
    return "".join(CHANCE.choices(of, k=count))


def answered_meanwhile(edge: RunningEdge, events: list[dict[str, Any]]) -> tuple[Any, int]:
    """The answer to a request of these events, and how many others were answered before it."""
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(edge.published.post("/v1/events", json={"events": events}, timeout=60))

    sending, others = threading.Thread(target=send), 0
    edge.nobody.get("/healthz")
    sending.start()
    while sending.is_alive():
        assert edge.nobody.get("/healthz").status_code == 200
        others += 1
    sending.join()
    assert answers[0].status_code == 202
    return answers[0].json(), others


def test_a_thousand_user_agents_hold_nobody_up(edge: RunningEdge) -> None:
    events = [VIEW | {"user_agent": letters(900)} for _ in range(400)]
    answer, others = answered_meanwhile(edge, events)
    assert answer["accepted"] == 400
    assert others >= FEW


def test_a_thousand_domains_of_other_alphabets_hold_nobody_up(edge: RunningEdge) -> None:
    domains = [".".join(letters(10, "äöüßéàñ") for _ in range(5)) for _ in range(600)]
    answer, others = answered_meanwhile(
        edge, [VIEW | {"email": f"a@{domain}.de"} for domain in domains]
    )
    assert answer["accepted"] == 600
    assert others >= FEW


def test_fields_without_end_are_not_looked_at(edge: RunningEdge) -> None:
    unknown = VIEW | {f"f{number}": 1 for number in range(60_000)}
    answer = edge.published.post("/v1/events", json={"events": [VIEW, unknown, VIEW]}).json()
    assert answer["accepted"] == 2
    (rejected,) = answer["rejected"]
    assert (rejected["index"], rejected["pointer"]) == (1, "")
    assert rejected["reason"].startswith("has 60002 fields; expected at most ")


def test_places_count_through_a_long_request(edge: RunningEdge) -> None:
    """It is examined in parts."""
    bad: dict[int, dict[str, Any]] = {0: {"type": "x"}, 49: {}, 50: {}, 137: {"type": "click"}}
    answer = edge.published.post(
        "/v1/events", json={"events": [bad.get(n, VIEW) for n in range(140)]}
    ).json()
    assert [rejection["index"] for rejection in answer["rejected"]] == [0, 49, 50, 137]
    assert answer["accepted"] == 136
