"""Reviews over HTTP: who may send them, and what is taken."""

from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.collector.publisher import Message
from reftrail.collector.reviews import Reviews
from reftrail.contracts.codec import decode
from reftrail.contracts.external_inputs import Reviewed
from reftrail.edge.api_keys import keys
from reftrail.edge.http_errors import RequestRefused
from reftrail.reviews import EXPECTED, Review, judged
from reftrail.testing import code

GOOD: dict[str, Any] = {
    "code": "AMY",
    "user_id": "bob",
    "decision": "decline",
    "reviewer": "ann",
    "reason": "fraud",
}


class Written:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def publish(self, messages: list[Message]) -> None:
        self.messages += messages


class Known:
    """The codes that the collector knows, as `CodesReader` tells of them."""

    def __init__(self) -> None:
        codes = KnownCodes(None)
        codes.take(code("AMY"))
        codes.take(code("Eve"))
        self.spelling = codes.spelling
        self.asked: set[str] = set()

    async def know(self, codes: Iterable[str], patience: float) -> None:
        assert patience == 5
        self.asked |= {*codes}


async def post(
    written: Written, body: Any, key: str = "sk", known: Known | None = None
) -> httpx.Response:
    reviews: Any = Reviews(keys(["sk"], ["pk"]), written, known or Known(), 5)  # type: ignore[arg-type]
    app = Starlette(routes=[Route("/v1/reviews", reviews.take, methods=["POST"])])
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
    assert (found.decision, found.reviewer, found.reason) == ("decline", "ann", "fraud")
    assert found.event_time == found.received_at > 1_700_000_000_000


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


async def test_each_is_judged_on_its_own() -> None:
    written = Written()
    answer = await post(written, {"reviews": [GOOD | {"decision": "maybe"}, GOOD, 5]})
    assert answer.json() == {
        "accepted": 1,
        "rejected": [
            {
                "index": 0,
                "pointer": "/decision",
                "reason": "is wrong; expected one of approve, decline, reverse",
            },
            {
                "index": 2,
                "pointer": "",
                "reason": f"is not an object; expected the fields {', '.join(EXPECTED)}",
            },
        ],
    }
    assert len(written.messages) == 1


@pytest.mark.parametrize("key", ["pk", "nobody's"])
async def test_it_needs_a_secret_key(key: str) -> None:
    written = Written()
    with pytest.raises(RequestRefused) as caught:
        await post(written, GOOD, key)
    assert caught.value.status == (403 if key == "pk" else 401)
    assert not written.messages


@pytest.mark.parametrize(
    ("given", "pointer", "says"),
    [
        ({"code": "A:B"}, "/code", "is wrong; expected 1 to 64 of"),
        ({"user_id": ""}, "/user_id", "is wrong"),
        ({"reviewer": None}, "/reviewer", "is missing"),
        ({"reward_id": "x"}, "/reward_id", "the UUID of one reward"),
        ({"reason": "Bad Apple"}, "/reason", "such as fraud"),
        ({"event_id": "7"}, "/event_id", "a UUID"),
        ({"reviewr": "x"}, "/reviewr", "did you mean reviewer?"),
        ({"zzz": "x"}, "/zzz", "there are code"),
    ],
)
def test_a_fault_names_the_field(given: dict[str, Any], pointer: str, says: str) -> None:
    taken, (rejection,) = judged([GOOD | given], 5)
    assert not taken
    assert rejection.pointer == pointer
    assert says in rejection.reason


def test_every_field_is_told() -> None:
    assert EXPECTED.keys() == Review.model_fields.keys()
