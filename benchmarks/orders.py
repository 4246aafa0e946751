"""Many orders of one referral, and purchases of customers who never sign up; in memory.

Referrals with 10 orders each and one with 10,000 are decided by turns, so that a drift of the
machine meets both: the reward and limits stages, a batch for ten orders, CPU time an order. The
state of the one is given in bytes of keys and packed values. What waits for a signup is measured by
`orders_waiting.py`; with --before, under another version's sources too.

    python benchmarks/orders.py [--orders 10000] [--customers 20000] [--before FOLDER]
"""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.decisions import Basis, Claimed, RewardDecided, RewardStatus, Role
from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.record import MINUTE
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.contracts.topics import LIMITS, REWARD_INPUTS, REWARDS
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.outcome import Outcome
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES
from reftrail.local.held_process import output_of
from reftrail.rules.reward.keys import kind_of
from reftrail.rules.reward.state import ReferralCell

HERE: Final = Path(__file__).parent
SOURCES: Final = ("schemas", "producers", "stream_processors", "sinks", "infra")
START: Final = 1_790_000_000_000
FEW: Final = 10
ROUND: Final = 1_000
"""Orders in a turn: so many of the one large referral, then so many of small referrals."""

CODE: Final = "REF000000001"
USER: Final = "user-00000001"
AMOUNT: Final = 20_000_000
CASES: Final[dict[str, tuple[Policy, dict[str, Any]]]] = {
    "first_purchase": (Policy(repeats=0), {"trigger": Trigger.FIRST_PURCHASE}),
    "first_purchase_once": (Policy(repeats=1), {"trigger": Trigger.FIRST_PURCHASE}),
    "nth_purchase": (Policy(repeats=0, trigger_count=3), {"trigger": Trigger.NTH_PURCHASE}),
    "amount_reached": (
        Policy(repeats=0),
        {"trigger": Trigger.AMOUNT_REACHED, "minimum_amount_micros": 5 * AMOUNT},
    ),
}
REWARDED: Final[dict[str, Callable[[int], int]]] = {
    "first_purchase": lambda orders: orders,
    "first_purchase_once": lambda _: 1,
    "nth_purchase": lambda orders: orders // 3,
    "amount_reached": lambda orders: orders // 5,
}
"""The number of rewards for so many orders. Any other number means that something else ran."""


class Host:
    """The reward and limits stages of one partition, which answer each other."""

    def __init__(self, reference: ReferenceTables) -> None:
        self.cpu_seconds = 0.0
        self.rewarded: set[str] = set()
        self._reference = reference
        self._stages = {
            stage.reads.name: (StageOfPartition(stage, 0, 1), StateStore(stage))
            for stage in (STAGES["reward"], STAGES["limits"])
        }
        self._ends = dict.fromkeys(self._stages, 0)

    def take(self, values: list[bytes | None]) -> None:
        """Decide on claims, and on what follows from them until nothing does."""
        waiting = {REWARD_INPUTS.name: values}
        while waiting:
            name, batch = waiting.popitem()
            outcome = self._decide(name, batch)
            for topic in (LIMITS, REWARD_INPUTS):
                if sent := [value for _, value in outcome.messages.get((topic, 0), ())]:
                    waiting.setdefault(topic.name, []).extend(sent)
            self._note(outcome)

    def packed(self) -> Mapping[str, bytes]:
        """The stored state of the reward stage."""
        return self._stages[REWARD_INPUTS.name][1].packed

    def limits_bytes(self) -> int:
        """Bytes of what the limits stage keeps: the orders' reservations."""
        return _bytes_of(self._stages[LIMITS.name][1].packed)

    def _decide(self, name: str, values: list[bytes | None]) -> Outcome:
        work, store = self._stages[name]
        begin, count = self._ends[name], len(values)
        end = self._ends[name] = begin + count
        chunk = Chunk(begin, end, list(range(begin, end)), [0] * count, [None] * count, values)
        started = time.process_time()
        outcome = work.decide(chunk, store, self._reference)
        store.apply(outcome.changes)
        self.cpu_seconds += time.process_time() - started
        if outcome.dead:
            raise RuntimeError(f"{outcome.dead} dead letters from {name}")
        return outcome

    def _note(self, outcome: Outcome) -> None:
        for _, value in outcome.messages.get((REWARDS, 0), ()):
            entry = decode(value)
            assert isinstance(entry, RewardDecided)
            if entry.status == RewardStatus.GRANTED and entry.role == Role.REFERRER:
                self.rewarded.add(entry.reward_id)


def measure(name: str, orders: int) -> dict[str, float]:
    """CPU microseconds an order, of few and of many, and bytes of state."""
    policy, rules = CASES[name]
    reference = ReferenceTables([_campaign(policy_text(policy), **rules), _code()])
    many, few_seconds, few_orders, last = Host(reference), 0.0, 0, 0.0
    for begin in range(0, orders, ROUND):
        gc.collect()
        before = many.cpu_seconds
        for batch in _batches(begin, min(begin + ROUND, orders)):
            many.take(batch)
        last = many.cpu_seconds - before
        for batch in _batches(0, FEW) * (ROUND // FEW):
            few = Host(reference)
            few.take(batch)
            few_seconds += few.cpu_seconds
            few_orders += FEW
    _check(name, many, orders)
    each = many.cpu_seconds / orders * 1e6
    of_few = few_seconds / few_orders * 1e6
    figures = {
        "us_of_10": of_few,
        "us_of_many": each,
        "us_of_last_1000": last / min(ROUND, orders) * 1e6,
        "ratio": each / of_few,
    }
    figures |= _state(many, orders)
    return {f"orders_{name}_{figure}": value for figure, value in figures.items()}


def _state(host: Host, orders: int) -> dict[str, float]:
    """Bytes of the code's cell, of the referral's, and of all others for each order."""
    packed = host.packed()
    referral = {key: value for key, value in packed.items() if kind_of(key) is ReferralCell}
    of_code = {CODE: packed[CODE]} if CODE in packed else {}
    others = _bytes_of(packed) - _bytes_of(referral) - _bytes_of(of_code)
    return {
        "bytes_of_code": _bytes_of(of_code),
        "bytes_of_referral": _bytes_of(referral),
        "bytes_per_order": others / orders,
        "limits_bytes_per_order": host.limits_bytes() / orders,
    }


def _bytes_of(packed: Mapping[str, bytes]) -> int:
    return sum(len(key) + len(value) for key, value in packed.items())


def _check(name: str, host: Host, orders: int) -> None:
    expected = REWARDED[name](orders)
    if len(host.rewarded) != expected:
        raise RuntimeError(f"{name}: {len(host.rewarded)} orders were rewarded, not {expected}")


def _batches(begin: int, end: int) -> list[list[bytes | None]]:
    """The claims of orders from begin up to before end, encoded, ten in a batch."""
    claims = [encode(_claim(number)) for number in range(begin, end)]
    return [[*claims[first : first + FEW]] for first in range(0, len(claims), FEW)]


def _claim(number: int) -> Claimed:
    """The claim for an order that a shop's server reported, a minute after the one before."""
    at = START + (number + 1) * MINUTE
    event_id = f"019a0000-0000-7000-8000-{number:012x}"
    return Claimed(
        event_id=f"6f1f6d5e-0000-5000-9000-{number:012x}",
        event_time=at,
        received_at=at + 150,
        cause_topic="attribution-inputs",
        cause_partition=0,
        cause_offset=number,
        cause_event_id=event_id,
        rules="2",
        code=CODE,
        campaign_id="bench",
        user_id=USER,
        action="purchase",
        action_event_id=event_id,
        basis=Basis.FIRST_TOUCH,
        touch_event_id="019a0000-0000-7000-8000-ffffffffffff",
        touch_time=START - 10 * MINUTE,
        signed_up_at=START,
        order_id=f"order-{number:012d}",
        amount_micros=AMOUNT,
        currency="EUR",
        country="DE",
        channel="web",
    )


def _campaign(policy: str | None, **rules: Any) -> CampaignDefined:
    """A campaign that rewards both sides."""
    return CampaignDefined(
        event_id="bench@1",
        event_time=START,
        received_at=START,
        campaign_id="bench",
        version=1,
        effective_from=0,
        name="Benchmark",
        category="shop",
        referrer_reward_micros=5_000_000,
        referee_reward_micros=5_000_000,
        reward_currency="EUR",
        policy=policy,
        **rules,
    )


def _code() -> CodeChanged:
    return CodeChanged(
        event_id="code-1",
        event_time=START,
        received_at=START,
        code=CODE,
        campaign_id="bench",
        owner_user_id="owner-1",
        created_at=START,
    )


def _waiting(customers: int, sources: Path | None = None) -> dict[str, float]:
    """The figures of `orders_waiting.py`, by this version's sources or by those in a folder."""
    environment = dict(os.environ)
    if sources is not None:
        folders = (str(sources.resolve() / folder) for folder in SOURCES)
        environment["PYTHONPATH"] = os.pathsep.join(folders)
    command = [sys.executable, str(HERE / "orders_waiting.py"), "--customers", str(customers)]
    output = output_of(command, environment)
    found: dict[str, float] = json.loads(output.decode().splitlines()[-1])
    return found


def _beside(now: dict[str, float], before: dict[str, float]) -> Iterator[tuple[str, float]]:
    """The figures of the version before, and by how much this one's are of them."""
    for name, value in before.items():
        yield f"before_{name}", value
        if value and name != "waiting_customers":
            yield f"now_to_before_{name}", now[name] / value


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--customers", type=int, default=20_000, help="up to a million")
    parser.add_argument("--before", type=Path, help="a checkout of another version")
    chosen = parser.parse_args()
    figures: dict[str, float] = {}
    for name in CASES:
        figures |= measure(name, chosen.orders)
    now = _waiting(chosen.customers)
    figures |= now
    if chosen.before is not None:
        figures |= dict(_beside(now, _waiting(chosen.customers, chosen.before)))
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
