"""Adjustments by hand: what staff ask for and decide, and what must be booked.

Staff settle accounts at the programme's end, of people with one account. Small credits of an owner
are never several: which of them is beyond the amount that needs approval, arrival would decide.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from reftrail.contracts.adjustments import ACTION, Adjusted, AdjustmentDecided
from reftrail.contracts.record import MICROS_PER_UNIT, SECOND, Micros, Millis
from reftrail.simulator.attributions import Attribution
from reftrail.simulator.final_status import FinalStatus, RewardKey
from reftrail.simulator.programme import APPROVED_ABOVE, Programme, event_id

Act: TypeAlias = Adjusted | AdjustmentDecided

_OF_ALL: Final = 0.1
"""The share of referrals about which staff do something."""

_REASON: Final = "goodwill"
_ASKS: Final = "ann"
_BOOKED: Final = FinalStatus("adjusted")
_HELD: Final = FinalStatus("held")
_DECLINED: Final = FinalStatus("rejected", ("declined", _REASON))


class Booking(NamedTuple):
    """The expected entries of an adjustment, in their order, and its worth in the end."""

    entries: tuple[FinalStatus, ...]
    currency: str
    worth: Micros


@dataclass(slots=True)
class Staff:
    """What staff do, in the order of sending; bookings are what must come of it."""

    rng: Random
    programme: Programme
    at: Millis
    acts: list[Act] = field(default_factory=list)
    bookings: dict[RewardKey, Booking] = field(default_factory=dict)
    _owners_credited: set[str] = field(default_factory=set)

    def settle(self, referrals: Mapping[str, Attribution]) -> None:
        """Adjust some of these referrals, by user, each in another way than the one before."""
        kinds: Iterator[_Kind] = cycle(_KINDS)
        owners = {code.owner_user_id for code in self.programme.codes.values()}
        for user, by in referrals.items():
            if self.rng.random() < _OF_ALL and user not in owners:
                next(kinds)(self, Referral(by.code, user))

    def asks(self, about: "Referral", micros: Micros, **facts: Any) -> Adjusted:
        """Send an adjustment of the referee, or of the role that the facts say."""
        number = len(self.acts)
        adjusted = Adjusted(
            **self._times(),
            adjustment_id=f"case-{number}",
            code=about.code,
            user_id=about.user_id,
            role="referee",
            value_micros=micros,
            currency="USD",
            reason=_REASON,
            actor=_ASKS,
            order_id=f"order of case-{number}",
        )
        adjusted = msgspec.structs.replace(adjusted, **facts)
        self.acts.append(adjusted)
        return adjusted

    def decides(self, asked: Adjusted, decision: str, actor: str = "bob") -> None:
        """Send a person's decision about an adjustment."""
        self.acts.append(
            AdjustmentDecided(
                **self._times(),
                adjustment_id=asked.adjustment_id,
                code=asked.code,
                user_id=asked.user_id,
                decision=decision,
                actor=actor,
            )
        )

    def expects(self, asked: Adjusted, *entries: FinalStatus) -> None:
        """Remember the entries that must come of an adjustment."""
        key = RewardKey(
            asked.code, asked.user_id, asked.role or "", f"{ACTION}:{asked.adjustment_id}"
        )
        worth = asked.value_micros if entries[-1] == _BOOKED else 0
        self.bookings[key] = Booking(entries, asked.currency, worth)

    def needs_approval(self, code: str) -> bool:
        """Whether a second person approves large adjustments under a code."""
        return self.programme.codes[code].campaign_id in APPROVED_ABOVE

    def is_first_credit(self, code: str) -> bool:
        """Whether the owner of a code has no small credit yet; then they have this one."""
        owner = self.programme.codes[code].owner_user_id or ""
        is_first = owner not in self._owners_credited
        self._owners_credited.add(owner)
        return is_first

    def units(self, least: int, most: int) -> Micros:
        """An amount in whole units."""
        return self.rng.randrange(least, most) * MICROS_PER_UNIT

    def _times(self) -> dict[str, Any]:
        at = self.at + len(self.acts) * SECOND // 100
        return {"event_id": event_id(self.rng, at), "event_time": at, "received_at": at}


class Referral(NamedTuple):
    """A user who was referred under a code."""

    code: str
    user_id: str


def _credits(by: Staff, about: Referral) -> None:
    """Credit the user a small amount; the request is sent twice."""
    asked = by.asks(about, by.units(1, 20))
    by.acts.append(msgspec.structs.replace(asked, event_id=event_id(by.rng, by.at)))
    by.expects(asked, _BOOKED)


def _debits(by: Staff, about: Referral) -> None:
    """Debit the user a small amount, in the campaign's currency."""
    by.expects(by.asks(about, -by.units(1, 20)), _BOOKED)


def _credits_owner(by: Staff, about: Referral) -> None:
    """Credit the owner of the code: a small amount once, then large ones, which are approved."""
    if by.is_first_credit(about.code):
        by.expects(by.asks(about, by.units(1, 20), role="referrer"), _BOOKED)
        return
    asked = by.asks(about, by.units(60, 90), role="referrer")
    _is_approved(by, asked)


def _is_approved(by: Staff, asked: Adjusted) -> None:
    by.decides(asked, "approve")
    by.expects(asked, *([_HELD, _BOOKED] if by.needs_approval(asked.code) else [_BOOKED]))


def _large_and_approved(by: Staff, about: Referral) -> None:
    """Ask for a large amount, up or down, which another person approves."""
    _is_approved(by, by.asks(about, by.rng.choice((1, -1)) * by.units(60, 90)))


def _large_and_declined(by: Staff, about: Referral) -> None:
    """Ask for a large amount, which another person declines, and approves too late."""
    asked = by.asks(about, by.units(60, 90))
    by.decides(asked, "decline")
    by.decides(asked, "approve")
    by.expects(asked, *([_HELD, _DECLINED] if by.needs_approval(about.code) else [_BOOKED]))


def _approves_it_alone(by: Staff, about: Referral) -> None:
    """Ask for a large amount and approve it oneself, which is refused."""
    asked = by.asks(about, by.units(60, 90))
    by.decides(asked, "approve", actor=_ASKS)
    by.expects(asked, _HELD if by.needs_approval(about.code) else _BOOKED)


def _in_small_parts(by: Staff, about: Referral) -> None:
    """Ask for a large amount in two parts: the second one waits for approval, which nobody gives.

    It is known to need that once the limits stage has said so; a decision before is refused.
    """
    by.expects(by.asks(about, by.units(26, 45)), _BOOKED)
    second = by.asks(about, by.units(26, 45))
    by.expects(second, _HELD if by.needs_approval(about.code) else _BOOKED)


def _in_another_currency(by: Staff, about: Referral) -> None:
    """Ask for yen, which are compared with no amount of the campaign: another person approves."""
    _is_approved(by, by.asks(about, by.units(1, 20), currency="JPY"))


def _with_the_same_id(by: Staff, about: Referral) -> None:
    """Ask for two amounts under one id, of which the first counts."""
    asked = by.asks(about, by.units(1, 10))
    by.asks(about, by.units(11, 20), adjustment_id=asked.adjustment_id)
    by.expects(asked, _BOOKED)


def _of_nobody(by: Staff, about: Referral) -> None:
    """Ask for something under a code that nobody registered, which is refused."""
    by.asks(about._replace(code=by.rng.choice(by.programme.ghosts)), by.units(1, 20))


_Kind: TypeAlias = Callable[[Staff, Referral], None]
_KINDS: Final[tuple[_Kind, ...]] = (
    _credits,
    _large_and_approved,
    _credits_owner,
    _large_and_declined,
    _debits,
    _in_small_parts,
    _approves_it_alone,
    _in_another_currency,
    _with_the_same_id,
    _of_nobody,
)
