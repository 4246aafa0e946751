"""Correction of event times by the difference between the sender's clock and the collector's."""

from typing import Final

from reftrail.contracts.record import DAY, MINUTE, SECOND, Millis

LATEST: Final[Millis] = 5 * MINUTE
"""The most by which an event may be dated after its receipt; it counts as of its receipt then."""
ON_THE_WAY: Final[Millis] = 5 * SECOND
"""The most by which a request may be sent before its receipt, by a clock that isn't behind."""
LARGEST_SKEW: Final[Millis] = DAY
"""The least error of a sender's clock for which its times are corrected."""


def clock_skew(sent_at: Millis | None, now: Millis) -> Millis:
    """The lead of a sender's clock, by the time at which it says that a request was sent.

    A request is on its way for a while, so one that seems to have been sent a moment before its
    receipt says nothing about the clock. Raises ValueError where the clock is too far off.
    """
    if sent_at is None or now - ON_THE_WAY <= sent_at <= now:
        return 0
    skew = sent_at - now
    if abs(skew) > LARGEST_SKEW:
        direction = "ahead of" if skew > 0 else "behind"
        raise ValueError(
            f"lies {abs(skew) // SECOND} s {direction} the collector's clock; at most "
            f"{LARGEST_SKEW // SECOND} s are corrected: set the sender's clock, and say when the "
            f"request itself is sent"
        )
    return skew


def corrected(said: Millis, skew: Millis, now: Millis) -> Millis:
    """A sender's time by the collector's clock: never after now, when the event is here."""
    return min(said - skew, now)
