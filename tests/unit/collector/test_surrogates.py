"""Half of a UTF-16 surrogate pair is the fault of the event that has it, not of its request."""

import pytest
from support.accepting import judged, taken

from reftrail.contracts.names import OTHER
from reftrail.edge.http_errors import RequestRefused
from reftrail.edge.requests import read_json
from reftrail.reviews.submission import judged as reviews_judged

SAYS = "half of a UTF-16 surrogate pair"


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        (rb'"visitor_id": "v\ud800"', "/visitor_id"),
        (rb'"visitor_id": "\uDC00v"', "/visitor_id"),
        (rb'"visitor_id": "v", "code": "\ud800\u0041MY"', "/code"),
        (rb'"visitor_id": "v", "event_id": "\ud800"', "/event_id"),
        (rb'"visitor_id": "v", "event_time": "\ud800"', "/event_time"),
        (rb'"visitor_id": "v", "ip": "\ud800"', "/ip"),
        (rb'"visitor_id": "v", "email": "a@\ud800.de"', "/email"),
        (rb'"visitor_id": "v", "properties": {"a": ["\ud800"]}', "/properties"),
        (rb'"visitor_id": "v", "properties": {"\ud800": 1}', "/properties"),
        (rb'"visitor_id": "v", "\ud800": 1', ""),
        (rb'"visitor_id": "v", "type": "\ud800"', ""),
    ],
)
def test_such_an_event_is_rejected_alone(field: bytes, pointer: str) -> None:
    body = b'{"events": [{"type": "view", "visitor_id": "a \\ud83d\\ude00"}, '
    body += b"{%s}]}" % (field if b"type" in field else b'"type": "view", ' + field)
    outcome = judged(*read_json(body)["events"])
    assert [accepted.key for accepted in outcome.accepted] == ["a \U0001f600"]
    (rejection,) = outcome.rejected
    assert (rejection.index, rejection.pointer) == (1, pointer)
    assert SAYS in rejection.reason


@pytest.mark.parametrize(
    "body",
    [rb'{"a": "\ud800"', rb'{"a": "\ud800", "b": NaN}', b'{"a": "\xed\xa0\x80"}', b"\\ud800"],
)
def test_what_is_no_json_is_none_with_half_a_pair_either(body: bytes) -> None:
    with pytest.raises(RequestRefused, match="is not JSON"):
        read_json(body)


def test_a_source_with_half_a_pair_is_another_one() -> None:
    """A source never makes an event unusable, nor the request that it is in."""
    (item,) = read_json(
        b'{"events": [%s]}' % rb'{"type": "view", "visitor_id": "v", "utm_source": "\ud800"}'
    )["events"]
    assert taken(item).utm_source == OTHER


def test_such_a_review_is_rejected_alone() -> None:
    good = b'{"code": "AMY", "user_id": "bob", "decision": "approve", "reviewer": "%s"}'
    items = read_json(b'{"reviews": [%s, %s]}' % (good % b"eve", good % b"\\udc00"))["reviews"]
    reviews, rejected = reviews_judged(items, 1, "desk")
    assert [review.note for review in reviews] == ["given as eve"]
    assert [(rejection.index, rejection.pointer) for rejection in rejected] == [(1, "/reviewer")]


def test_a_reviews_field_of_such_a_name_is_said_to_be_one() -> None:
    body = b'{"code": "AMY", "user_id": "bob", "decision": "approve", "\\ud800": 1}'
    _, (rejection,) = reviews_judged([read_json(body)], 1, "desk")
    assert (rejection.pointer, SAYS in rejection.reason) == ("", True)
