"""Names of limits, reservations under them, and when the limits of a day end."""

from typing import Final, NamedTuple, Self

from reftrail.contracts.record import DAY, Millis


class LimitReservation(NamedTuple):
    """A reservation under a limit: an amount out of the most that the limit allows, under a key.

    within is the time in which amounts add up; 0 for a limit of all that is reserved.
    """

    key: str
    amount: int
    most: int
    within: Millis = 0

    def __str__(self) -> str:
        """The reservation as a text, as a request has it."""
        text = f"{self.key}|{self.amount}|{self.most}"
        return f"{text}|{self.within}" if self.within else text

    @property
    def day(self) -> int | None:
        """The UTC day of a limit for a day, counted from 1970; None for a limit in total."""
        is_of_a_day = self.key.partition(":")[0].endswith("_per_day")
        return int(self.key.rpartition(":")[2]) if is_of_a_day else None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reservation of a text in a request."""
        key, *numbers = text.split("|")
        return cls(key, *map(int, numbers))


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
90 days more. Letters kept elsewhere may be put back within 300 days."""


def is_closed(day: int, at: Millis) -> bool:
    """Whether the limits of a UTC day have closed by a time of receipt."""
    return at >= (day + 1) * DAY + CLOSES_AFTER


def forgotten_at(day: int) -> Millis:
    """The time at which the limits of a UTC day are forgotten."""
    return (day + 1) * DAY + FORGOTTEN_AFTER


ORDER: Final = "order"
"""The cap that an order is: of one user, however often that user asks for it."""


def order_key(order_id: str) -> str:
    """The key of an order's limit."""
    return limit_key(ORDER, order_id)


def is_of_order(reservation: str) -> bool:
    """Whether a reservation, as a text or its key, is that of an order."""
    return reservation.startswith(f"{ORDER}:")


EMAIL: Final = "email"
"""The cap that an e-mail address is, by its keyed hash: of one user, like an order."""
