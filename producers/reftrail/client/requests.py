"""Requests and answers of the client, without sending or receiving them."""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import msgspec
import uuid_utils

from reftrail.client.events import Event
from reftrail.contracts.errors import ExpectedError

MAX_EVENTS: Final = 1000
MAX_BYTES: Final = 1_000_000  # below the collector's limit, by the room that the frame takes
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 5.0
_TRY_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})


class NotSent(ExpectedError):  # noqa: N818  what it says is the state of the events
    """The collector could not be reached, or refused a whole request. Send the same events again.

    receipt tells of those that were answered before; the others may or may not count, and must be
    sent again under the same event_ids. status is that of the answer, None if there was none.
    """

    def __init__(self, message: str, receipt: "Receipt", status: int | None = None) -> None:
        super().__init__(message)
        self.receipt = receipt
        self.status = status


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that was not taken: its place among those sent, the field, and the reason."""

    index: int
    pointer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of events: each is accepted or rejected.

    clock_skew_ms is the largest correction of an event's time, None if there was none: by so much
    the clock that dated it is ahead of the collector's.
    """

    accepted: int = 0
    rejected: tuple[Rejected, ...] = ()
    clock_skew_ms: int | None = None

    def __add__(self, other: "Receipt") -> "Receipt":
        """Both together."""
        skews = [skew for skew in (self.clock_skew_ms, other.clock_skew_ms) if skew is not None]
        return Receipt(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            max(skews, key=abs, default=None),
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """The events of one request; first is the index of its first event among those sent."""

    first: int
    events: bytes

    def body(self, sent_at: str | None) -> bytes:
        """The request, sent at a time (RFC 3339) by the clock that dated the events."""
        time_sent = b"" if sent_at is None else b'"sent_at":"%b",' % sent_at.encode()
        return b'{%b"events":[%b]}' % (time_sent, self.events)

    def receipt(self, answer: httpx.Response) -> Receipt:
        """The receipt in the collector's answer, with indexes among all events sent."""
        receipt = msgspec.json.decode(answer.content, type=Receipt)
        return replace(
            receipt,
            rejected=tuple(
                replace(rejected, index=rejected.index + self.first)
                for rejected in receipt.rejected
            ),
        )


def chunks(events: Iterable[Event]) -> Iterator[Chunk]:
    """Requests of a size that the collector takes; every event has an id in them."""
    first, encoded, size = 0, list[bytes](), 0
    for event in events:
        item = msgspec.json.encode(with_id(event))
        if encoded and (len(encoded) == MAX_EVENTS or size + len(item) + 1 > MAX_BYTES):
            yield _chunk(first, encoded)
            first, encoded, size = first + len(encoded), [], 0
        encoded.append(item)
        size += len(item) + 1
    if encoded:
        yield _chunk(first, encoded)


def _chunk(first: int, encoded: list[bytes]) -> Chunk:
    return Chunk(first, b",".join(encoded))


def now_text() -> str:
    """The time that this machine's clock shows, in RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def with_id(event: Event) -> Event:
    """The event, given an event_id (UUIDv7) if it has none. Raises TypeError for what is none."""
    if not isinstance(event, Mapping):
        raise TypeError(f"{event!r:.80} is no event; give a list of mappings such as [{{...}}]")
    if event.get("event_id") is not None:
        return event
    return {**event, "event_id": str(uuid_utils.uuid7())}


def delay_after(attempt: int, answer: httpx.Response | None) -> float:
    """Seconds to wait before the next try; attempts count from 0.

    Twice as long each time, at a random point of that time so that clients don't come back all at
    once, and at least as long as the collector asks for.
    """
    asked = answer.headers.get("retry-after", "") if answer is not None else ""
    longest = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(attempt, 10))
    return max(random.uniform(longest / 2, longest), float(asked) if asked.isdigit() else 0)  # noqa: S311


def is_worth_retrying(answer: httpx.Response) -> bool:
    """Whether the same request may succeed later."""
    return answer.status_code in _TRY_AGAIN


def refusal(answer: httpx.Response) -> str:
    """The collector's message about a request that it does not take."""
    try:
        said = msgspec.json.decode(answer.content, type=dict[str, Any]).get("detail")
    except msgspec.DecodeError:
        said = answer.text[:200]
    return f"the collector answered {answer.status_code}: {said}"
