"""Answers that give a guesser no knowledge of codes."""

from support.edge import RunningEdge


def test_codes_of_events_that_are_rejected_are_not_looked_up(edge: RunningEdge) -> None:
    bad = {"type": "click", "code": "REJECTED"}
    answer = edge.published.post("/v1/events", json={"events": [bad, bad | {"type": "purchase"}]})
    assert answer.json()["accepted"] == 0
    assert "REJECTED" not in edge.codes.lookups
