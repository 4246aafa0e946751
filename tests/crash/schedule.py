"""When which host is killed: drawn from a seed, so that a failure can be played again."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from crash.cast import REVIEWER
from reftrail.local.hosts import BROKER, CODES, COLLECTOR, FULFILMENT, WAREHOUSE, worker_name

WORKERS: Final = 2
HOSTS: Final = (
    *(worker_name(n + 1) for n in range(WORKERS)),
    COLLECTOR,
    WAREHOUSE,
    FULFILMENT,
    REVIEWER,
    CODES,
)
"""All but the broker, and the partners: what they remember is what they are there for."""

_FIRST: Final = 2.0
_LEAST_GAP: Final = 1.0
_TAKEN_OVER: Final = 10.0
"""Seconds of load after the last kill: in them, and while all comes to rest, the last victim's work
is seen to go on."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill -9 for a host, so many seconds after the load began."""

    at: float
    host: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done in one experiment: so many events in so many seconds, and kills meanwhile.

    Of the kills, so many are the broker's; hosts share the others, none getting two more than
    another.
    """

    seed: int
    events: int
    seconds: float
    kills: int
    brokers: int = 0
    hosts: tuple[str, ...] = HOSTS

    def schedule(self) -> Sequence[Kill]:
        """The kills, in order."""
        rng = Random(self.seed)
        rounds = -(-self.kills // len(self.hosts))
        each = [host for _ in range(rounds) for host in rng.sample(self.hosts, len(self.hosts))]
        hosts = each[: self.kills - self.brokers] + [BROKER] * self.brokers
        rng.shuffle(hosts)
        # Times that are free to fall anywhere, pulled apart by the least gap.
        room = self.seconds - _TAKEN_OVER - _FIRST - _LEAST_GAP * self.kills
        times = sorted(rng.uniform(0, room) for _ in hosts)
        return [
            Kill(round(_FIRST + at + _LEAST_GAP * nth, 2), host)
            for nth, (at, host) in enumerate(zip(times, hosts, strict=True))
        ]
