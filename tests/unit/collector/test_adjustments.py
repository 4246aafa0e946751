"""Adjustments over HTTP: who may send them, what is taken, and one adjustment for each id."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from support.collector import collector_without_kafka
from support.collector_parts import Known, Written

from reftrail.adjustments import (
    EXPECTED,
    EXPECTED_OF_DECISION,
    Adjustment,
    Decision,
    KnownAdjustments,
)
from reftrail.collector.adjustments import Adjustments
from reftrail.collector.routes import application
from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided
from reftrail.contracts.api_keys import hash_of
from reftrail.contracts.codec import decode, decode_as

CREDIT: dict[str, Any] = {
    "adjustment_id": "A1",
    "code": "amy",
    "user_id": "bob",
    "role": "referrer",
    "amount": "5.00",
    "currency": "EUR",
    "reason": "goodwill",
    "actor": "ann",
}
APPROVAL: dict[str, Any] = {
    "adjustment_id": "A1",
    "code": "AMY",
    "user_id": "bob",
    "decision": "approve",
    "actor": "bea",
}


KEY = hash_of("sk")[:12]
"""The name of a key from the environment."""


class Installation:
    """A collector's routes, and a topic of adjustments that it reads to its end when asked."""

    def __init__(self) -> None:
        self.written = Written()
        self.known = KnownAdjustments()
        self._read = 0

    async def refresh(self, patience: float) -> None:
        assert patience == 5
        for message in self.written.messages[self._read :]:
            self.known.take(decode(message.value))
        self._read = len(self.written.messages)

    async def post(self, body: Any, path: str = "", key: str = "sk") -> httpx.Response:
        handlers: Any = Adjustments(self.written, Known(), self, 5)  # type: ignore[arg-type]
        app = application(replace(collector_without_kafka(), adjustments=handlers))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://collector.example"
        ) as client:
            return await client.post(
                f"/v1/adjustments{path}", json=body, headers={"authorization": f"Bearer {key}"}
            )


async def test_a_credit_is_written_under_code_and_user() -> None:
    installation = Installation()
    answer = await installation.post(CREDIT)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    ((key, value),) = installation.written.messages
    found = decode_as(Adjusted, value)
    assert (key, found.code, found.value_micros) == ("AMY:bob", "AMY", 5_000_000)
    assert (found.actor, found.note) == (KEY, "given as ann")
    assert found.event_time == found.received_at > 1_700_000_000_000


async def test_a_repeated_request_is_the_same_adjustment() -> None:
    installation = Installation()
    for _ in range(2):
        answer = await installation.post({"adjustments": [CREDIT, CREDIT]})
        assert answer.json() == {"accepted": 2, "rejected": []}
    assert len({decode(message.value).event_id for message in installation.written.messages}) == 1


@pytest.mark.parametrize("other", [{"amount": "6.00"}, {"user_id": "eve"}, {"actor": "bea"}])
async def test_an_id_that_another_adjustment_has_is_refused(other: dict[str, Any]) -> None:
    installation = Installation()
    await installation.post(CREDIT)
    two = [CREDIT | {"adjustment_id": "A2"}, CREDIT | other]
    answer = await installation.post({"adjustments": two})
    assert (answer.status_code, answer.json()["pointer"]) == (422, "/adjustment_id")
    assert "A1 is the adjustment_id of another" in answer.json()["detail"]
    answer = await Installation().post({"adjustments": [CREDIT, CREDIT | other]})
    assert answer.status_code == 422
    assert len(installation.written.messages) == 1


async def test_each_is_judged_on_its_own() -> None:
    installation = Installation()
    answer = await installation.post({"adjustments": [CREDIT | {"amount": "0"}, CREDIT, 5]})
    assert answer.json()["accepted"] == 1
    assert [
        (rejection["index"], rejection["pointer"]) for rejection in answer.json()["rejected"]
    ] == [
        (0, "/amount"),
        (2, ""),
    ]


async def test_a_decision_is_written_once_however_often_it_is_sent() -> None:
    installation = Installation()
    answer = await installation.post({"decisions": [APPROVAL, APPROVAL]}, "/decisions")
    assert answer.json() == {"accepted": 2, "rejected": []}
    found = [
        decode_as(AdjustmentDecided, message.value) for message in installation.written.messages
    ]
    assert {(decision.adjustment_id, decision.decision, decision.actor) for decision in found} == {
        ("A1", "approve", KEY)
    }
    assert len({decision.event_id for decision in found}) == 1
    wrong = await installation.post(APPROVAL | {"decision": "maybe"}, "/decisions")
    assert (
        wrong.json()["rejected"][0]["reason"] == "is wrong; expected one of approve, decline, retry"
    )


@pytest.mark.parametrize("path", ["", "/decisions"])
@pytest.mark.parametrize("key", ["pk", "nobody's"])
async def test_it_needs_a_secret_key(key: str, path: str) -> None:
    installation = Installation()
    answer = await installation.post(CREDIT, path, key)
    assert answer.status_code == (403 if key == "pk" else 401)
    assert not installation.written.messages


def test_every_field_is_described() -> None:
    assert EXPECTED.keys() == Adjustment.model_fields.keys()
    assert EXPECTED_OF_DECISION.keys() == Decision.model_fields.keys()
