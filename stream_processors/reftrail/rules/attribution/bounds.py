"""Bounds of one decision about merged users. All workers of an installation need the same."""

from typing import Final

import msgspec

LARGEST_ROUTE: Final = 600
"""The most referrals that a route may be set to have: with long names its message still fits."""

MOST_STEPS_SET: Final = 100_000
"""The most steps that a decision may be set to take: 50 MiB of messages in one transaction."""


class Bounds(msgspec.Struct, frozen=True):
    """Bounds of a decision's claims through the referrals that merging has ended.

    most_ended is the most ended referrals through which claims go: with long names a message has
    300 KiB of 500. most_steps is the most steps of one decision's purchases, each through one
    referral: 10 MiB of messages for 20,000. What is beyond either is refused.
    """

    most_ended: int = 500
    most_steps: int = 20_000


DEFAULT: Final = Bounds()
