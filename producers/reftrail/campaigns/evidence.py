"""The reasons that a policy can weigh, limit, or make decisive."""

from typing import Final

from reftrail.campaigns.units import parse_duration

REASONS: Final = (
    "self_referral",
    "owner_device",
    "owner_ip",
    "owner_email",
    "users_per_ip",
    "users_per_network",
    "users_per_device",
    "fast_signup",
    "fast_purchase",
    "burst",
    "forged_code",
    "disposable_email",
    "clock_out_of_bounds",
    "amount_outlier",
    "ring",
)
"""Every reason that rules know."""


def parse_limit(given: object) -> int:
    """A count as it is, a duration in milliseconds. Raises ValueError."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 2**31:
        return given
    return parse_duration(given)
