"""Limits that codes share: users of a referrer and amounts of a budget, in total or for a day.

A reward asks for a place under each of its limits, one after the other. It gets all of them or
none: if a limit has no place left, the places under the limits before it are released. A limit is
never exceeded. While a reward that a later limit will refuse is on its way, an earlier limit may
refuse another one.

The limit of a day closes some time after that day: then no place is taken under it any more, and
none is released. Later it is forgotten.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Self, TypeAlias, assert_never

import msgspec

from reftrail.contracts.record import DAY, Derived, Millis
from reftrail.contracts.stage_messages import LimitAnswered, LimitRequested
from reftrail.rules.decider import Cause, Reference, Woken, because, fingerprint


class Place(NamedTuple):
    """A place under a limit: an amount out of the most that the limit allows, under a key."""

    key: str
    amount: int
    most: int

    def __str__(self) -> str:
        """The place as a text, as a request has it."""
        return f"{self.key}|{self.amount}|{self.most}"

    @property
    def day(self) -> int | None:
        """The UTC day of a limit for a day, counted from 1970; None for a limit in total."""
        return int(self.key.rpartition(":")[2]) if "_per_day:" in self.key else None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The place of a text in a request."""
        key, amount, most = text.split("|")
        return cls(key, int(amount), int(most))


def limit_key(cap: str, *parts: str, at: Millis | None = None) -> str:
    """The key of a limit: the name of the cap, its subject, and the UTC day if it is for a day."""
    day = () if at is None else (str(at // DAY),)
    return ":".join([cap, *(part.translate(_ESCAPED) for part in parts), *day])


_ESCAPED: Final = str.maketrans({sign: f"%{ord(sign):02X}" for sign in "%:|"})


CLOSES_AFTER: Final[Millis] = 90 * DAY
"""The time after the end of a day when its limits close: events are received late, but not so late.
"""

FORGOTTEN_AFTER: Final[Millis] = 400 * DAY
"""The time after the end of a day when its limits are forgotten. A claim that was received before
the closing asks sooner: it waits for at most 90 days (`REFTRAIL_SIGNUP_WAIT_DAYS`), and for as long
as its dead letter, which keeps the time of receipt, lies until somebody puts it back: in Kafka for
90 days more. Whoever puts letters back from elsewhere has 300 days."""


def is_closed(day: int, at: Millis) -> bool:
    """Whether the limits of a UTC day have closed by a time of receipt."""
    return at >= (day + 1) * DAY + CLOSES_AFTER


def forgotten_at(day: int) -> Millis:
    """The time at which the limits of a UTC day are forgotten."""
    return (day + 1) * DAY + FORGOTTEN_AFTER


ORDER: Final = "order"
"""The cap that an order is: of one user, however often that user asks for it."""


NO_DAY: Final = -1


class LimitState(msgspec.Struct, frozen=True, array_like=True):
    """The taken amount of a limit. An order has a holder: the fingerprint of its user.

    day is the UTC day of a limit for a day; NO_DAY for others.
    """

    taken: int = 0
    holder: int = 0
    day: int = NO_DAY


class PlaceTaken(Derived, frozen=True, kw_only=True):
    """An amount of the limit is taken. A state event."""

    amount: int
    holder: int = 0
    day: int = NO_DAY


class DayForgotten(Derived, frozen=True, kw_only=True):
    """The limit of a day is forgotten. A state event."""


class PlaceGivenBack(Derived, frozen=True, kw_only=True):
    """An amount of the limit is released. A state event."""

    amount: int


Conclusion: TypeAlias = LimitRequested | LimitAnswered | PlaceTaken | PlaceGivenBack | DayForgotten


class LimitsDecider:
    """The decider of the limits stage. Its key is that of the first limit of a request."""

    def decide(
        self,
        state: LimitState,
        record: LimitRequested | Woken,
        cause: Cause,
        reference: Reference,  # noqa: ARG002
    ) -> Sequence[Conclusion]:
        """Take or release a place, and send the request to its next limit, or an answer."""
        if isinstance(record, Woken):
            return [DayForgotten(**because(record, cause))]
        place, rest = Place.parse(record.limits[0]), record.limits[1:]
        closed = place.day is not None and is_closed(place.day, record.received_at)
        if record.releasing:
            amount = 0 if closed else place.amount
            freed = PlaceGivenBack(**because(record, cause, "given_back"), amount=amount)
            return [freed, *_ask(rest, [], record, cause)]
        holder = fingerprint(record.user_id) if place.key.startswith(f"{ORDER}:") else 0
        is_held = holder and state.taken and state.holder == holder
        if closed or (state.taken + place.amount > place.most and not is_held):
            refused = _answer(record, cause, refused_by=place.key)
            return [refused, *_ask(record.passed, [], record, cause, releasing=True)]
        taken = PlaceTaken(
            **because(record, cause, "taken"),
            amount=place.amount,
            holder=holder,
            day=NO_DAY if place.day is None else place.day,
        )
        if not rest:
            return [taken, _answer(record, cause)]
        return [taken, *_ask(rest, [*record.passed, record.limits[0]], record, cause)]

    def evolve(self, state: LimitState, record: Conclusion) -> LimitState:
        """The taken amount after an event."""
        match record:
            case PlaceTaken():
                return LimitState(state.taken + record.amount, record.holder, record.day)
            case PlaceGivenBack():
                taken = max(0, state.taken - record.amount)
                return LimitState(taken, state.holder, state.day) if taken else LimitState()
            case DayForgotten():
                return LimitState()
            case LimitRequested() | LimitAnswered():
                return state
            case _:
                assert_never(record)


def wakes_at(state: LimitState) -> Millis | None:
    """The time at which the limit of a day is forgotten; None for other limits."""
    return None if state.day == NO_DAY else forgotten_at(state.day)


def _ask(
    limits: list[str],
    passed: list[str],
    request: LimitRequested,
    cause: Cause,
    *,
    releasing: bool | None = None,
) -> list[LimitRequested]:
    """The request to the next limit, if there is one."""
    if not limits:
        return []
    return [
        LimitRequested(
            **because(request, cause, "next_limit"),
            limits=limits,
            passed=passed,
            releasing=request.releasing if releasing is None else releasing,
            code=request.code,
            user_id=request.user_id,
            claim_id=request.claim_id,
        )
    ]


def _answer(
    request: LimitRequested, cause: Cause, *, refused_by: str | None = None
) -> LimitAnswered:
    return LimitAnswered(
        **because(request, cause, "limit_answered"),
        code=request.code,
        user_id=request.user_id,
        claim_id=request.claim_id,
        refused_by=refused_by,
    )
