"""What the reward stage concludes for its own state alone, beside the entries of the ledger."""

from typing import Final, TypeAlias, get_args

from reftrail.contracts.decisions import RewardDecided, RewardGranted
from reftrail.contracts.life import LimitRequested
from reftrail.contracts.record import Derived, Micros
from reftrail.rules.decider import Refused
from reftrail.rules.fraud.case import SignalSeen
from reftrail.rules.ledger import Order, Prospect, RefundSeen, Waiting


class ChecksAwaited(Derived, frozen=True, kw_only=True):
    """Signals of a claim are being checked."""

    claim_id: str
    kinds: list[str]


class SignalNoted(Derived, frozen=True, kw_only=True):
    """A signal was checked."""

    seen: SignalSeen


class Queued(Derived, frozen=True, kw_only=True):
    """A claim or milestone waits for its turn."""

    waiting: Waiting


class TurnCame(Derived, frozen=True, kw_only=True):
    """The first of those that wait is decided on."""

    waiting_id: str


class PlacesAsked(Derived, frozen=True, kw_only=True):
    """An action would earn, and asks for places under limits that codes share."""

    prospect: Prospect


class PlacesAnswered(Derived, frozen=True, kw_only=True):
    """The answer is there."""


class PlacesLeft(Derived, frozen=True, kw_only=True):
    """Places under limits that count users are given back."""

    left: list[str]


class Earned(Derived, frozen=True, kw_only=True):
    """An action is decided on, and the entries of its sides follow."""

    prospect: Prospect


class OrderNoted(Derived, frozen=True, kw_only=True):
    """An order counts towards the next reward."""

    order: Order


class RefundNoted(Derived, frozen=True, kw_only=True):
    """A part or all of an order that may count was paid back."""

    refund: RefundSeen


class CommandNoted(Derived, frozen=True, kw_only=True):
    """A review came, or a report that changed something; it is the cause."""


class PartTaken(Derived, frozen=True, kw_only=True):
    """A part of a reward that isn't granted at present is gone by a refund."""

    claim_id: str
    role: str
    value_micros: Micros


Note: TypeAlias = (
    ChecksAwaited
    | SignalNoted
    | Queued
    | TurnCame
    | PlacesAsked
    | PlacesAnswered
    | PlacesLeft
    | Earned
    | OrderNoted
    | RefundNoted
    | CommandNoted
    | PartTaken
)
NOTES: Final = get_args(Note)
"""The types of notes, which go to no topic."""

Conclusion: TypeAlias = RewardDecided | RewardGranted | LimitRequested | Refused | Note
