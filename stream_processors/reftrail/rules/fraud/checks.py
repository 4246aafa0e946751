"""The table of evidence of fraud: each check with its weight and its limit."""

from typing import Final

from reftrail.contracts.record import DAY, MINUTE, SECOND
from reftrail.rules.fraud.case import Case, Check, Evidence, Figures, SignalSeen
from reftrail.rules.fraud.lists import allowed, blocked
from reftrail.rules.fraud.self_referral import (
    disposable_email,
    owner_device,
    owner_email,
    owner_hashed_otherwise,
    owner_ip,
    same_browser_as_owner,
    self_referral,
)
from reftrail.rules.fraud.timing import (
    backdated,
    clock_ahead,
    clock_behind,
    fast_purchase,
    fast_signup,
    instant_signup,
)
from reftrail.rules.fraud.usage import amount_5x, amount_10x, amount_20x, burst, suspicious_code
from reftrail.rules.fraud.velocity_checks import (
    many_per_device_30d,
    many_per_visitor_30d,
    ring,
    ring_by_device,
    ring_by_ip,
    users_per_device_24h,
    users_per_device_30d,
    users_per_email,
    users_per_ip_24h,
    users_per_ip_30d,
    users_per_network_24h,
    users_per_network_30d,
    users_per_visitor_24h,
    users_per_visitor_30d,
)
from reftrail.rules.velocity import VISITOR

ALLOWED: Final = "allowed"
SUSPICIOUS_CODE: Final = "suspicious_code"

CHECKS: Final = (
    Check("self_referral", 100, self_referral, decisive=True),
    Check("owner_device", 60, owner_device),
    Check("same_browser_as_owner", 60, same_browser_as_owner),
    Check("owner_ip", 20, owner_ip),
    Check("owner_email", 100, owner_email),
    Check("owner_hashed_otherwise", 0, owner_hashed_otherwise),
    Check("disposable_email", 40, disposable_email),
    Check("users_per_ip_24h", 20, users_per_ip_24h, 5, "users", about="ip"),
    Check("users_per_ip_30d", 10, users_per_ip_30d, 20, "users", about="ip"),
    Check("users_per_network_24h", 5, users_per_network_24h, 50, "users", about="network"),
    Check("users_per_network_30d", 5, users_per_network_30d, 250, "users", about="network"),
    Check("users_per_device_24h", 25, users_per_device_24h, 1, "users", about="device"),
    Check("users_per_device_30d", 35, users_per_device_30d, 2, "users", about="device"),
    Check("many_per_device_30d", 25, many_per_device_30d, 7, "users", about="device"),
    Check("users_per_visitor_24h", 25, users_per_visitor_24h, 1, "users", about=VISITOR),
    Check("users_per_visitor_30d", 35, users_per_visitor_30d, 2, "users", about=VISITOR),
    Check("many_per_visitor_30d", 25, many_per_visitor_30d, 7, "users", about=VISITOR),
    Check("users_per_email", 100, users_per_email, 1, "users", about="email"),
    Check("ring", 80, ring, 1, "users", about="pair"),
    Check("ring_by_device", 60, ring_by_device, 1, "users", about="device"),
    Check("ring_by_ip", 5, ring_by_ip, 2, "users", about="ip"),
    Check("fast_signup", 35, fast_signup, 10 * SECOND, "ms"),
    Check("instant_signup", 25, instant_signup, 3 * SECOND, "ms"),
    Check("fast_purchase", 12, fast_purchase, 30 * SECOND, "ms"),
    Check("clock_ahead", 30, clock_ahead, 5 * MINUTE, "ms"),
    Check("clock_behind", 30, clock_behind, 90 * DAY, "ms"),
    Check("backdated", 30, backdated, 5 * MINUTE, "ms"),
    Check("burst", 25, burst, 10, "times"),
    Check(SUSPICIOUS_CODE, 40, suspicious_code, 50, "percent"),
    Check("amount_5x", 10, amount_5x, 5, "times"),
    Check("amount_10x", 15, amount_10x, 10, "times"),
    Check("amount_20x", 20, amount_20x, 20, "times"),
    Check("blocked", 100, blocked, decisive=True),
    Check(ALLOWED, 0, allowed),
)
"""Every check that a policy can weigh, limit or make decisive, in the order of evidence."""

REASONS: Final = {check.reason: check for check in CHECKS}

__all__ = [
    "ALLOWED",
    "CHECKS",
    "REASONS",
    "SUSPICIOUS_CODE",
    "Case",
    "Check",
    "Evidence",
    "Figures",
    "SignalSeen",
]
