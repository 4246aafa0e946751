"""Records of the simulated partners: requests by key, what was done, and the faults between."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any


class Fault(StrEnum):
    """Fault of one request.

    busy: nothing is done, 429. fail: nothing is done, 500. forget: it is done, and answered with
    500. hang: it is done, and answered too late.
    """

    BUSY = "busy"
    FAIL = "fail"
    FORGET = "forget"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Faults:
    """The share of requests with which each fault happens, from 0 to 1; drawn from the seed.

    A request takes takes_seconds, and hang_seconds where it hangs. Without honours_keys everything
    is done as often as it is asked for.
    """

    busy: float = 0.0
    fail: float = 0.0
    forget: float = 0.0
    hang: float = 0.0
    hang_seconds: float = 30.0
    takes_seconds: float = 0.0
    honours_keys: bool = True
    seed: int = 0

    def of(self, key: str, nth: int) -> Fault | None:
        """The fault of the nth request for a key: for a seed always the same."""
        drawn = Random(f"{self.seed}/{key}/{nth}").random()  # noqa: S311  (no secret)
        for fault in Fault:
            drawn -= getattr(self, fault)
            if drawn < 0:
                return fault
        return None


@dataclass
class Deliveries:
    """asked counts requests, done what was carried out, both by idempotency key."""

    faults: Faults = field(default_factory=Faults)
    asked: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    _answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def ask(self, key: str, answer: Mapping[str, Any]) -> tuple[Fault | None, Mapping[str, Any]]:
        """Carry out what is asked for under a key, unless it was before, or something goes wrong.

        Says what goes wrong, and what to answer otherwise: for a key always the same.
        """
        self.asked[key] += 1
        fault = self.faults.of(key, self.asked[key])
        if fault in {Fault.BUSY, Fault.FAIL}:
            return fault, {}
        if not self.done[key] or not self.faults.honours_keys:
            self.done[key] += 1
            self._answers[key] = answer
        return fault, self._answers[key]


def number_of(key: str) -> str:
    """A tracking number, for a key always the same, so that it outlives the simulation."""
    digits = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 10**12
    return f"SIM{digits:012d}"
