"""Verification where there is no store, and the time that answers take."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from support.codes import SECRET

from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.codes.answers import Answer
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Pattern
from reftrail.codes_api import verification
from reftrail.codes_api.models import Verify
from reftrail.codes_api.store_access import Backend
from reftrail.codes_api.usage_counters import CounterSource
from reftrail.codes_api.verification import SLOT_SECONDS, Verifier, end_of_slot
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.contracts.events import KeyKind
from reftrail.contracts.reference import CodeChanged, CodeFormatDefined, FormatKind
from reftrail.edge.http_errors import RequestRefused, Unavailable
from reftrail.edge.pseudonyms import HashKey, pseudonyms

SPRING = DerivedCodes(
    "spring", SECRET.of_campaign("spring"), Pattern.of("SPR{body:8}{check}"), count=50
)


class Topics:
    """The collector's tables of the topics; away: it can't read on."""

    def __init__(self, *, away: bool = False) -> None:
        self.known = KnownCodes(SECRET)
        self.away = away
        times: dict[str, Any] = {"event_id": "e", "event_time": 1, "received_at": 1}
        self.known.take_format(
            CodeFormatDefined(
                **times,
                name="spring",
                kind=FormatKind.DERIVED,
                pattern="SPR{body:8}{check}",
                campaign_id="spring",
                count=50,
                key_id=SECRET.key_id,
                revision=1,
            )
        )
        for code in ("AMY", SPRING.code(7)):
            self.known.take(
                CodeChanged(**times, code=code, campaign_id="spring", created_at=1, revision=1)
            )

    async def know(self, *_: Any) -> None:
        if self.away:
            raise Unavailable("the topics can't be read")

    def unregistered(self, text: str) -> Any:
        return self.known.unregistered(text)


def verifier(topics: Topics) -> Verifier:
    counters = CounterSource(None, time.monotonic)
    return Verifier(Backend(None, SECRET), counters, topics)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (SPRING.code(5), Answer.VALID),
        (f" {SPRING.code(5).lower()} ", Answer.VALID),
        (SPRING.pattern.generate(), Answer.FORGED),
        (SPRING.code(5)[:-1] + "!", Answer.MALFORMED),
        ("NOBODY", Answer.UNKNOWN),
    ],
    ids=["genuine", "in small letters", "made up", "malformed", "of no format"],
)
async def test_without_a_store_the_formats_tell(text: str, answer: Answer) -> None:
    found = await verifier(Topics()).verify(Verify(code=text))
    assert found.answer == answer
    if answer == Answer.VALID:
        assert (found.sequence, found.campaign_id) == (5, "spring")


GROUPED = f"{SPRING.code(5)[:3]} {SPRING.code(5)[3:7]}\u3000{SPRING.code(5)[7:]}"
FULL_WIDTH = "".join(chr(ord(character) + 0xFEE0) for character in SPRING.code(5))


@pytest.mark.parametrize("text", [f" {SPRING.code(5).lower()}\n", GROUPED, FULL_WIDTH])
async def test_what_is_verified_as_valid_is_the_same_code_in_an_event(text: str) -> None:
    topics = Topics()
    found = await verifier(topics).verify(Verify(code=text))
    assert (found.answer, found.code) == (Answer.VALID, SPRING.code(5))
    event = {"type": "click", "visitor_id": "v", "code": text}
    sender = Sender(KeyKind.PUBLISHABLE)
    hashes = pseudonyms(HashKey("k1", b"0123456789abcdef"))
    judged = accept([event], Circumstances(sender, 1, hashes, topics.known.lookup))
    assert [event.datum["code"] for event in judged.accepted] == [SPRING.code(5)]
    assert judged.accepted[0].datum["code_evidence"] == "derived"


@pytest.mark.parametrize("text", ["AMY", SPRING.code(7), SPRING.code(7).lower()])
async def test_without_a_store_nobody_says_how_registered_codes_stand(text: str) -> None:
    with pytest.raises(RequestRefused, match="REFTRAIL_CODES_STORE") as refused:
        await verifier(Topics()).verify(Verify(code=text))
    assert refused.value.status == 503


async def test_without_kafka_the_formats_may_be_old() -> None:
    with pytest.raises(RequestRefused) as refused:
        await verifier(Topics(away=True)).verify(Verify(code=SPRING.code(5)))
    assert (refused.value.status, refused.value.retry_after) == (503, 2)


@pytest.mark.parametrize(
    ("takes", "slots"), [(0, 1), (0.03, 1), (0.07, 1), (0.0999, 1), (0.13, 2), (0.31, 4)]
)
async def test_answers_come_at_the_end_of_a_slot(
    monkeypatch: pytest.MonkeyPatch, takes: float, slots: int
) -> None:
    began = 1_000.0
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(verification, "time", SimpleNamespace(monotonic=lambda: began + takes))
    monkeypatch.setattr(verification, "asyncio", SimpleNamespace(sleep=sleep))
    await end_of_slot(began)
    assert takes + sum(slept) == pytest.approx(slots * SLOT_SECONDS)
