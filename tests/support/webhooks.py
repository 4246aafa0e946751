"""Couriers without Kafka and without receivers."""

import threading
from typing import Any

from reftrail.contracts.installation import Installation
from reftrail.hosting.schedule import Schedule
from reftrail.webhooks.courier import Means
from reftrail.webhooks.log import Found
from reftrail.webhooks.metrics import WebhooksMetrics
from reftrail.webhooks.model import Due, LogPlace, Message, Webhook
from reftrail.webhooks.sender import Answer
from reftrail.webhooks.store import WebhookStore

AT = 1_000_000
READ_AT_ONCE = 100


class Log:
    """A log without an end, of which so many records were read."""

    def __init__(self, missed: list[str]) -> None:
        self.missed = missed
        self.next = 0

    def go_on(self, _: object, positions: dict[tuple[str, int], int]) -> Any:
        self.next = positions[("rewards", 0)]
        changed = [LogPlace("rewards", 0, self.next)] if self.missed else []
        return changed, self.missed

    def read(self) -> Found:
        places = [LogPlace("rewards", 0, self.next + number) for number in range(READ_AT_ONCE)]
        self.next += READ_AT_ONCE
        messages = [Message(place, f"msg_{place.offset}", "kind", "{}") for place in places]
        return Found(messages, [LogPlace("rewards", 0, self.next)], 0)

    def close(self) -> None:
        """Nothing is open."""


class Receivers:
    """Answers each message as said, and keeps what was sent."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent: list[str] = []

    def send(self, _: Webhook, due: Due) -> Answer:
        self.sent.append(due.message_id)
        return self.answer


class Clock:
    """A clock that is set; it stops the courier after so many looks."""

    def __init__(self, stop: threading.Event, looks: int) -> None:
        self.at, self._stop, self._looks = AT, stop, looks

    def __call__(self) -> int:
        self._looks -= 1
        if not self._looks:
            self._stop.set()
        return self.at


def means(store: WebhookStore, answer: Answer, clock: Any) -> Means:
    sender: Any = Receivers(answer)
    installation = Installation(bootstrap_servers="nowhere:1")
    schedule = Schedule(first=2.0, most=60.0, give_up_after=100.0)
    return Means(installation, store, sender, schedule, WebhooksMetrics(), clock, 4, 30)


def webhook(store: WebhookStore) -> str:
    return store.add("https://shop.example/", ["rewards"], {("rewards", 0): 7}, AT).webhook_id


OK = Answer(is_delivered=True, detail="answered 200")
BUSY = Answer(is_delivered=False, detail="answered 503", retry_after=40.0)
