"""Limits over real HTTP, of a collector that has few tokens."""

from collections.abc import Iterator

import httpx
import pytest
from support.edge import RunningEdge, running_edge

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"}
VIEW = {"type": "view", "visitor_id": "v"}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    rates = {"address_rate": 0.2, "address_event_rate": 0.4, "publishable_event_rate": 1}
    directory = tmp_path_factory.mktemp("limits")
    with running_edge(directory, trusted_proxies="127.0.0.1", **rates) as running:
        running.codes.add("AMY")
        yield running


def view(edge: RunningEdge, address: str, **fields: str) -> httpx.Response:
    return edge.published.post(
        "/v1/events", json=VIEW | fields, headers={"x-forwarded-for": address}
    )


def refused(answer: httpx.Response) -> bool:
    if answer.status_code != 429:
        return False
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["detail"].startswith("too many requests from this ")
    return True


def test_an_address_has_so_many_events(edge: RunningEdge) -> None:
    many = {"events": [VIEW] * 8}
    sent = {"x-forwarded-for": "192.0.2.1"}
    assert edge.published.post("/v1/events", json=many, headers=sent).status_code == 202
    assert [refused(view(edge, "192.0.2.1")) for _ in range(6)] == [False] * 4 + [True] * 2
    assert not refused(view(edge, "192.0.2.2"))
    assert edge.secret.post("/v1/events", json=many, headers=sent).status_code == 202


def test_all_addresses_of_a_publishable_key_have_so_many(edge: RunningEdge) -> None:
    answers = [refused(view(edge, f"192.0.3.{number}")) for number in range(40)]
    assert not answers[0]
    assert answers[-1]


def test_wrong_keys_are_slowed_down(edge: RunningEdge) -> None:
    for path in ("/v1/events", "/v1/reviews"):
        headers = {"authorization": "Bearer guess", "x-forwarded-for": f"192.0.4.{len(path)}"}
        answers = [edge.nobody.post(path, json={}, headers=headers) for _ in range(8)]
        assert answers[0].status_code == 401
        assert refused(answers[-1])


def test_links_lead_on_and_their_clicks_count_no_more(edge: RunningEdge) -> None:
    before = len(edge.written.messages)
    for _ in range(20):
        sent = BROWSER | {"x-forwarded-for": "192.0.5.1"}
        assert edge.nobody.get("/r/AMY", headers=sent).status_code == 302
    assert len(edge.written.messages) - before == 12


def test_guesses_at_codes_are_paid_for_once_each(edge: RunningEdge) -> None:
    guess = [edge.nobody.get(f"/r/GUESS{n}", headers=sent_from("192.0.6.1")) for n in range(9)]
    assert {answer.status_code for answer in guess} == {302}
    assert sum(code.startswith("GUESS") for code in edge.codes.lookups) == 2
    repeated = [edge.nobody.get("/r/OLD", headers=sent_from("192.0.6.2")) for _ in range(9)]
    assert {answer.status_code for answer in repeated} == {302}
    assert edge.codes.lookups.count("OLD") == 9


def sent_from(address: str) -> dict[str, str]:
    return BROWSER | {"x-forwarded-for": address}
