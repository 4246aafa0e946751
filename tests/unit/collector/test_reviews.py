"""Reviews over HTTP: who may send them, and what is taken."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from support.collector import collector_without_kafka
from support.collector_parts import Known, Written

from reftrail.collector.reviews import Reviews
from reftrail.collector.routes import application
from reftrail.contracts.api_keys import hash_of
from reftrail.contracts.codec import decode, decode_as
from reftrail.contracts.external_inputs import Reviewed
from reftrail.reviews import EXPECTED, Review, judged

GOOD: dict[str, Any] = {
    "code": "AMY",
    "user_id": "bob",
    "decision": "decline",
    "reviewer": "ann",
    "reason": "fraud",
}


KEY = hash_of("sk")[:12]
"""The name of a key from the environment."""


async def post(
    written: Written, body: Any, key: str = "sk", known: Known | None = None
) -> httpx.Response:
    reviews: Any = Reviews(written, known or Known(), 5)  # type: ignore[arg-type]
    app = application(replace(collector_without_kafka(), reviews=reviews))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://collector.example"
    ) as client:
        return await client.post(
            "/v1/reviews", json=body, headers={"authorization": f"Bearer {key}"}
        )


async def test_a_decision_is_written_under_code_and_user() -> None:
    written = Written()
    answer = await post(written, GOOD)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    ((key, value),) = written.messages
    found = decode(value)
    assert key == "AMY:bob"
    assert isinstance(found, Reviewed)
    assert (found.decision, found.reviewer, found.reason) == ("decline", KEY, "fraud")
    assert found.note == "given as ann"
    assert found.event_time == found.received_at > 1_700_000_000_000


@pytest.mark.parametrize("code", [["AMY"], {"code": "AMY"}, 5, None])
async def test_a_code_of_any_other_type_is_rejected_alone(code: Any) -> None:
    written = Written()
    answer = await post(written, {"reviews": [GOOD | {"code": code}, GOOD]})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    (rejection,) = answer.json()["rejected"]
    assert (rejection["index"], rejection["pointer"]) == (0, "/code")


@pytest.mark.parametrize(
    ("typed", "spelling"), [(" amy ", "AMY"), ("EVE", "Eve"), ("Eve", "Eve"), ("zoe", "ZOE")]
)
async def test_a_decision_is_on_the_registered_spelling(typed: str, spelling: str) -> None:
    written, known = Written(), Known()
    await post(written, GOOD | {"code": typed}, known=known)
    ((key, value),) = written.messages
    found = decode(value)
    assert isinstance(found, Reviewed)
    assert (key, found.code) == (f"{spelling}:bob", spelling)
    assert known.asked == {typed}


async def test_the_same_event_id_is_the_same_decision() -> None:
    written = Written()
    again = GOOD | {"event_id": "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f".upper()}
    await post(written, {"reviews": [again, again]})
    ids = {decode(message.value).event_id for message in written.messages}
    assert ids == {"0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f"}


async def test_the_reviewer_is_the_key_and_a_name_that_is_given_a_note() -> None:
    without = {name: value for name, value in GOOD.items() if name != "reviewer"}
    given = [without, GOOD | {"note": "see ticket 7"}, GOOD | {"reviewer": "desk"}]
    taken, rejected = judged(given, 5, "desk")
    assert rejected == []
    assert [(review.reviewer, review.note) for review in taken] == [
        ("desk", None),
        ("desk", "given as ann: see ticket 7"),
        ("desk", None),
    ]


async def test_each_is_judged_on_its_own() -> None:
    written = Written()
    answer = await post(written, {"reviews": [GOOD | {"decision": "maybe"}, GOOD, 5]})
    assert answer.json() == {
        "accepted": 1,
        "rejected": [
            {
                "index": 0,
                "pointer": "/decision",
                "reason": "is wrong; expected one of approve, decline, reverse, reinstate",
            },
            {
                "index": 2,
                "pointer": "",
                "reason": f"is not an object; expected the fields {', '.join(EXPECTED)}",
            },
        ],
    }
    assert len(written.messages) == 1


async def test_a_reinstatement_needs_a_reason() -> None:
    written = Written()
    asked = {name: GOOD[name] for name in GOOD if name != "reason"} | {"decision": "reinstate"}
    answer = await post(written, {"reviews": [asked, asked | {"reason": "false_positive"}]})
    assert answer.json()["accepted"] == 1
    (rejected,) = answer.json()["rejected"]
    assert rejected["pointer"] == "/reason"
    assert "a reinstatement needs one" in rejected["reason"]
    (review,) = (decode_as(Reviewed, message.value) for message in written.messages)
    assert review.decision == "reinstate"


@pytest.mark.parametrize("key", ["pk", "nobody's"])
async def test_it_needs_a_secret_key(key: str) -> None:
    written = Written()
    answer = await post(written, GOOD, key)
    assert answer.status_code == (403 if key == "pk" else 401)
    assert not written.messages


@pytest.mark.parametrize(
    ("given", "pointer", "says"),
    [
        ({"code": "A:B"}, "/code", "is wrong; expected 1 to 64 of"),
        ({"user_id": ""}, "/user_id", "is wrong"),
        ({"reviewer": "\u200b"}, "/reviewer", "is wrong"),
        ({"reward_id": "x"}, "/reward_id", "the UUID of one reward"),
        ({"reason": "Bad Apple"}, "/reason", "such as fraud"),
        ({"event_id": "7"}, "/event_id", "a UUID"),
        ({"reviewr": "x"}, "/reviewr", "did you mean reviewer?"),
        ({"zzz": "x"}, "/zzz", "there are code"),
    ],
)
def test_a_fault_names_the_field(given: dict[str, Any], pointer: str, says: str) -> None:
    taken, (rejection,) = judged([GOOD | given], 5, "desk")
    assert not taken
    assert rejection.pointer == pointer
    assert says in rejection.reason


def test_every_field_is_told() -> None:
    assert EXPECTED.keys() == Review.model_fields.keys()
