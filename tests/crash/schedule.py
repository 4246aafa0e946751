"""Schedule of kills and other events: drawn from a seed, to be repeated with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from crash.processes import REVIEWER
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
WHILE_OTHER_TESTS_RUN: Final = 30.0
"""Seconds for a takeover in a test of the suite, where nobody knows how busy the machine is."""
_LAST_ACT: Final = 25.0
"""Seconds before the end by which the last act has begun: some take that long."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill -9 for a host, so many seconds after the load began."""

    at: float
    host: str


class Act(StrEnum):
    """The events of a running installation beside kills.

    A zombie is a worker that is stopped (SIGSTOP) past its session, and then goes on. The groups
    are those of the workers, of fulfilment, and of the codes host, which gives codes to those who
    sign up; the warehouse has none. A guest is one more worker, which joins and leaves. Poison is
    one record of every kind that no host can take. Truncation removes from the beginning of some
    topics what everybody has read.
    """

    ZOMBIE = "zombie"
    WORKERS_GROUP = "deleted group of workers"
    FULFILMENT_GROUP = "deleted group of fulfilment"
    CODES_GROUP = "deleted group of codes"
    GUEST = "guest"
    POISON = "poison"
    TRUNCATION = "truncation"


BRIEF: Final = (Act.POISON, Act.TRUNCATION)
"""Acts that take a moment. The others take up to half a minute, one after the other."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One experiment: so many events in so many seconds, and kills meanwhile.

    Of the kills, so many are the broker's; hosts share the others, none getting two more than
    another. acts has each act as often as it happens. cut_short: at the end a log loses its end
    below a committed position, and is repaired. longest_takeover is for how many seconds a
    partition may be without an owner. spool: the collector keeps events while the broker is away.
    """

    seed: int
    events: int
    seconds: float
    kills: int
    brokers: int = 0
    hosts: tuple[str, ...] = HOSTS
    acts: tuple[Act, ...] = ()
    cut_short: bool = False
    longest_takeover: float = 10.0
    spool: bool = False

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

    def acts_of(self, *, brief: bool) -> Sequence[tuple[float, Act]]:
        """The acts that take a moment, or the others, with their times: one in each equal part."""
        rng = Random(f"{self.seed} {brief}")
        acts = [act for act in self.acts if (act in BRIEF) == brief]
        rng.shuffle(acts)
        end = self.seconds - (_TAKEN_OVER if brief else _LAST_ACT)
        part = (end - _FIRST) / max(1, len(acts))
        times = [_FIRST + part * (nth + rng.uniform(0, 0.3)) for nth in range(len(acts))]
        return list(zip([round(at, 2) for at in times], acts, strict=True))
