"""A plan about a few orders as it is played: the pipeline, the owner's books, the partner."""

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final, NamedTuple

import msgspec
from property.order_books import HOUR, AdjustmentBook, OrderBook
from property.order_programmes import ISSUED, OWNER, PROGRAMMES
from property.plan_step import Step

from reftrail.contracts.decisions import RewardDecided, RewardGranted, RewardWithdrawn
from reftrail.contracts.events import Signup
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import Record
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARD_GRANTED, REWARDS, TICKS
from reftrail.testing import MemoryHost
from reftrail.testing.times import FIRST_DAY

USERS: Final = {"u0": "trusted", "u1": "suspected", OWNER: "rejected"}
"""The views of the program on each."""
ROLES: Final = ("referrer", "referee")

ORDERS: Final = 2
_WHO: Final = ("u0", "u0", "u1", OWNER)


class Input(NamedTuple):
    """A record from outside, and what the owner's books note when it comes."""

    topic: Topic
    record: Record
    note: Callable[[], None]


class Partner:
    """A partner that carries out orders to fulfil, and knows the rest of each reward."""

    def __init__(self) -> None:
        self.open: dict[str, RewardGranted] = {}
        self.last: dict[str, RewardGranted] = {}
        self.given: dict[str, int] = {}
        self._read = 0

    def read(self, host: MemoryHost) -> None:
        """Read on: an order while another one is open, or after a delivery, would pay twice."""
        log = host.log(REWARD_GRANTED)
        for record in log[self._read :]:
            if isinstance(record, RewardGranted):
                assert record.reward_id not in self.open, "ordered twice"
                assert record.reward_id not in self.given, "ordered after it was delivered"
                self.open[record.reward_id] = self.last[record.reward_id] = record
            elif isinstance(record, RewardWithdrawn):
                left = record.remaining_micros
                order = self.open.pop(record.reward_id)
                if left:
                    self.open[record.reward_id] = msgspec.structs.replace(order, value_micros=left)
        self._read = len(log)


class Play:
    """A plan that is played: the pipeline, the owner's books, the partner, and the time."""

    def __init__(self, name: str) -> None:
        self.name, self.programme = name, PROGRAMMES[name]
        self.host = MemoryHost(wire=False, batch=100)
        self.host.publish(CAMPAIGNS, *(programme.defined for programme in PROGRAMMES.values()))
        self.host.publish(CODES, *ISSUED)
        self.now, self.inputs = FIRST_DAY, list[Input]()
        self.carried_out: set[str] = set()
        self.partner = Partner()
        self.adjusted: dict[tuple[str, str], AdjustmentBook] = {}
        self.unseen = defaultdict[tuple[str, bool], list[tuple[int, Fraction]]](list)
        self.books = {
            (user, nth): OrderBook(self.programme.terms, verdict)
            for user, verdict in USERS.items()
            for nth in range(ORDERS)
        }
        self.begin()
        self.host.run()

    def begin(self) -> None:
        """All users sign up."""
        self.host.publish(EVENTS, *(self._sign_up(user) for user in USERS))

    def _sign_up(self, user: str) -> Signup:
        return Signup(
            **self.times(f"{user} signs up"),
            user_id=user,
            code=self.name,
            code_known=True,
            campaign_id=self.programme.defined.campaign_id,
            email_disposable=USERS[user] == "suspected",
        )

    def times(self, name: str, back: int = 0) -> dict[str, Any]:
        """The id of an event that comes now, and its times."""
        return {"event_id": name, "event_time": self.now - back, "received_at": self.now}

    def come(self, made: Input) -> None:
        """Let an input come, now or again."""
        self.host.publish(made.topic, made.record)
        self.host.run()
        made.note()
        self.partner.read(self.host)

    def tick(self, hours: int) -> None:
        """Let the time pass. A tick never comes again."""
        self.now += hours * HOUR
        record = Ticked(**self.times(f"tick {self.now}"), partition=0, partitions=1)
        self.come(Input(TICKS, record, self._note_tick))

    def _note_tick(self) -> None:
        for book in self.books.values():
            book.tick(self.now)

    def order(self, step: Step) -> tuple[OrderBook, dict[str, Any]]:
        """The book of an order, and the fields of an event about it."""
        user = _WHO[step.one % len(_WHO)]
        nth = step.one // len(_WHO) % ORDERS
        return self.books[user, nth], {"user_id": user, "order_id": f"{user}-o{nth}"}

    def note_delivery(self, order: RewardGranted) -> bool:
        """Note a delivery in the book of its order. False if the report is refused."""
        if order.action.startswith("adjustment:"):
            return True
        nth = int((order.order_id or "")[-1])
        return self.books[order.user_id, nth].deliver(order.role)

    def entries(self) -> list[RewardDecided]:
        """The ledger so far."""
        return [entry for entry in self.host.log(REWARDS) if isinstance(entry, RewardDecided)]
