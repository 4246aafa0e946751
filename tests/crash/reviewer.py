"""An analyst as a host of its own, killed like the others: `python -m crash.reviewer`.

Input: `rewards`. Output: reviews, over HTTP, sent until the collector has taken them, and
adjustments by hand with the decisions about them (`adjusting`). What is
decided follows from the reward's id: most decisions are allowed, some are not, and some are sent
twice. A file has the event_ids of those that were acknowledged; one that was killed before it wrote
there sends the same review again. Another says how far it has come (`unread`).
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx

from crash.adjusting import Request, requests_of
from crash.following import follow
from reftrail.contracts.adjustments import is_adjustment
from reftrail.contracts.decisions import RewardDecided, RewardStatus, Role
from reftrail.contracts.external_inputs import ReviewDecision
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis
from reftrail.contracts.reward_reasons import Reason, is_part
from reftrail.contracts.times import now
from reftrail.contracts.topics import REWARDS
from reftrail.rules.decider import derived_id

DIRECTORY: Final = "CRASH_DIRECTORY"
COLLECTOR: Final = "CRASH_COLLECTOR"
KEYS: Final = "REFTRAIL_SECRET_KEYS"
"""Ann's, by which everything is sent that isn't somebody else's, and Bea's."""

_ACKNOWLEDGED: Final = "reviews.acknowledged"
_ADJUSTED: Final = "adjustments.acknowledged"
_PROGRESS: Final = "reviewer.progress"
_JUST_BEFORE: Final[Millis] = 100

_APPROVE, _DECLINE = ReviewDecision.APPROVE, ReviewDecision.DECLINE
_REVERSE = ReviewDecision.REVERSE
_BY_SCORE: Final = dict.fromkeys(range(5), _APPROVE) | dict.fromkeys(range(5, 9), _DECLINE)
_IN_THE_LAST_MOMENT: Final = {9: _APPROVE, 10: _DECLINE}
_HOLDING: Final = {0: _APPROVE, 1: _DECLINE}
_OF_NOBODY: Final = 14
_LATER: Final[dict[tuple[str, int], ReviewDecision]] = {
    (RewardStatus.GRANTED, 2): _REVERSE,
    (RewardStatus.GRANTED, 15): _APPROVE,
    (RewardStatus.FULFILLED, 3): _REVERSE,
    (RewardStatus.FULFILLED, 4): _REVERSE,
    (RewardStatus.EXPIRED, 5): _REVERSE,
    (RewardStatus.EXPIRED, 6): _APPROVE,
    (RewardStatus.REJECTED, 7): _APPROVE,
    **dict.fromkeys([(RewardStatus.FAILED, digit) for digit in range(8)], _APPROVE),
}
"""The decision on a reward once it is so, by the last digit of its id."""


def reviews_of(entry: RewardDecided) -> Iterator[tuple[Millis, dict[str, Any]]]:
    """The decisions that an entry brings about, and when: at once (0), or as its hold ends."""
    if is_part(entry) or is_adjustment(entry.action):
        return
    digit = int(entry.reward_id[-1], 16)
    if entry.status != RewardStatus.HELD:
        decision = _LATER.get((entry.status, digit))
        if decision is not None:
            yield 0, _review(entry, decision)
        return
    by_score = Reason.HOLDING_PERIOD not in entry.reasons
    decision = (_BY_SCORE if by_score else _HOLDING).get(digit)
    if decision is not None:
        yield 0, _review(entry, decision, of_all=digit == 0 and entry.role == Role.REFEREE)
    elif digit in _IN_THE_LAST_MOMENT:
        yield (entry.due_at or 0) - _JUST_BEFORE, _review(entry, _IN_THE_LAST_MOMENT[digit])
    elif digit == _OF_NOBODY:
        yield 0, _review(entry, _APPROVE) | {"user_id": f"not {entry.user_id}"}


def _review(
    entry: RewardDecided, decision: ReviewDecision, *, of_all: bool = False
) -> dict[str, Any]:
    return {
        "code": entry.code,
        "user_id": entry.user_id,
        **({} if of_all else {"reward_id": entry.reward_id}),
        "decision": decision.value,
        "reviewer": "ann",
        "event_id": derived_id("review", decision, entry.status, entry.reward_id),
    }


class ReviewProcess:
    """Reviewer of held rewards; the directory keeps what outlives a kill."""

    def __init__(self, directory: Path, clients: Mapping[str, httpx.Client]) -> None:
        self._directory = directory
        self._clients = clients
        self._done = set(acknowledged(directory)) | adjusted(directory)
        self._later: list[tuple[Millis, dict[str, Any]]] = []

    def work(self, installation: Installation) -> None:
        """Review what is in the log and what is added to it, until the process ends."""
        read = 0
        for entries in follow(installation, REWARDS, lambda: False):
            self._later += [review for entry in entries for review in reviews_of(entry)]
            for request in (request for entry in entries for request in requests_of(entry)):
                self._adjust(request)
            at = now()
            due = [review for when, review in self._later if when <= at]
            self._later = [review for review in self._later if review[0] > at]
            for review in due:
                self._decide(review)
            read += len(entries)
            (self._directory / _PROGRESS).write_text(f"{read - len(self._later)}", "utf-8")

    def _decide(self, review: dict[str, Any]) -> None:
        if review["event_id"] in self._done:
            return
        body = {"reviews": [review]}
        self._send("/v1/reviews", body)
        if review["event_id"][-1] in "01234":  # for one whose answer got lost
            self._send("/v1/reviews", body)
        self._note(_ACKNOWLEDGED, review["event_id"])

    def _adjust(self, request: Request) -> None:
        if request.name not in self._done:
            self._send(request.path, request.body, request.by)
            self._note(_ADJUSTED, request.name)

    def _note(self, file_name: str, name: str) -> None:
        self._done.add(name)
        with (self._directory / file_name).open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")

    def _send(self, path: str, body: dict[str, Any], by: str = "ann") -> None:
        while True:
            try:
                answer = self._clients[by].post(path, json=body)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                answer.raise_for_status()
                assert answer.json()["accepted"] == 1, answer.text
                return
            time.sleep(0.1)


def acknowledged(directory: Path) -> frozenset[str]:
    """The event_ids of the reviews that were taken; without a line that a kill cut off."""
    return _names(directory / _ACKNOWLEDGED)


def adjusted(directory: Path) -> frozenset[str]:
    """The names of the adjustments that were taken, and of the decisions about them."""
    return _names(directory / _ADJUSTED)


def _names(path: Path) -> frozenset[str]:
    lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    return frozenset(line.strip() for line in lines if line.endswith("\n"))


def unread(directory: Path, entries: int) -> int:
    """How many of so many entries of the log it hasn't acted on yet; all before it has said that.

    A review that it has put off counts as an entry.
    """
    path = directory / _PROGRESS
    return entries - int((path.read_text("utf-8") if path.exists() else "") or "0")


def _client(key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=os.environ[COLLECTOR], headers=headers, timeout=10.0)


def main() -> None:
    """Review until the process is ended."""
    directory = Path(os.environ[DIRECTORY])
    keys = zip(("ann", "bea"), os.environ[KEYS].split(","), strict=True)
    with ExitStack() as closing:
        clients = {name: closing.enter_context(_client(key)) for name, key in keys}
        ReviewProcess(directory, clients).work(Installation())


if __name__ == "__main__":
    main()
