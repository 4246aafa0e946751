"""Velocity: the number of users behind one signal, and whether they refer each other.

Counts are the velocity stage's: distinct users with claims up to the time of this one. Limits are
the highest usual numbers. Weights are chosen so that everything about an address together (the
owner's, crowded, with colleagues who pass codes on) adds up to 55, which doesn't hold an office;
one more habit of fraudsters does. The simulator's table (`python -m reftrail.simulator.fraud`)
shows what they catch.
"""

from reftrail.rules.fraud.case import Case, Figures
from reftrail.rules.velocity import MOST_SEEN, VISITOR


def users_per_ip_24h(case: Case, limit: int) -> Figures | None:
    """More users claimed from one address within 24 hours than the limit.

    Weight 20, limit 5 users: a large household, a small office.
    """
    return _users(case, "ip", limit, is_day=True)


def users_per_ip_30d(case: Case, limit: int) -> Figures | None:
    """More users claimed from one address within 30 days than the limit.

    Weight 10, limit 20 users.
    """
    return _users(case, "ip", limit, is_day=False)


def users_per_network_24h(case: Case, limit: int) -> Figures | None:
    """More users claimed from one network (/24 or /48) within 24 hours than the limit.

    Weight 5, limit 50 users: a network is a neighbourhood.
    """
    return _users(case, "network", limit, is_day=True)


def users_per_network_30d(case: Case, limit: int) -> Figures | None:
    """More users claimed from one network (/24 or /48) within 30 days than the limit.

    Weight 5, limit 250 users.
    """
    return _users(case, "network", limit, is_day=False)


def users_per_device_24h(case: Case, limit: int) -> Figures | None:
    """More users claimed from one device within 24 hours than the limit.

    Weight 25, limit 1 user: two may share a device, who sign up on one day together; those of a
    farm also have a habit.
    """
    return _users(case, "device", limit, is_day=True)


def users_per_device_30d(case: Case, limit: int) -> Figures | None:
    """More users claimed from one device within 30 days than the limit.

    Weight 35, limit 2 users: with the one above it holds, whatever else there is.
    """
    return _users(case, "device", limit, is_day=False)


def many_per_device_30d(case: Case, limit: int) -> Figures | None:
    """Far more users claimed from one device within 30 days than share one.

    Weight 25, limit 7 users: with the one above it holds, on whatever days they came.
    """
    return _users(case, "device", limit, is_day=False)


def users_per_visitor_24h(case: Case, limit: int) -> Figures | None:
    """More users signed up or claimed in one browser within 24 hours than the limit.

    Weight 25, limit 1 user, as for a device, of which a browser is a part: so where the device
    shows more than the limit, or the browser is the owner's, that speaks and this doesn't. It is
    there for those who give no device, or another one each time.
    """
    if is_owners_browser(case):
        return None
    return _users_of_browser(case, limit, is_day=True)


def users_per_visitor_30d(case: Case, limit: int) -> Figures | None:
    """More users signed up or claimed in one browser within 30 days than the limit.

    Weight 35, limit 2 users: with the one above it holds. A family may share a browser, so nothing
    here rejects them alone: two on a day are granted, three held.
    """
    if is_owners_browser(case):
        return None
    return _users_of_browser(case, limit, is_day=False)


def many_per_visitor_30d(case: Case, limit: int) -> Figures | None:
    """Far more users signed up or claimed in one browser within 30 days than share one.

    Weight 25, limit 7 users: with the one above it holds, and with both it rejects. So it does in
    the owner's browser.
    """
    return _users_of_browser(case, limit, is_day=False)


def users_per_email(case: Case, limit: int) -> Figures | None:
    """More users claimed with one e-mail address within 365 days than the limit.

    Weight 100, limit 1 user: an address is one person's.
    """
    seen = case.seen.get("email")
    if seen is None or not is_above(seen.users_365d, limit):
        return None
    return {"users": seen.users_365d, "limit": limit}


def ring(case: Case, limit: int) -> Figures | None:
    """Within 30 days the owner was referred by the claimant: A refers B refers A.

    Weight 80, limit 1 user: more of the two claimed under the other's code.
    """
    return _users(case, "pair", limit, is_day=False)


def ring_by_device(case: Case, limit: int) -> Figures | None:
    """People who claimed from one device claimed under each other's codes: A, B, C, A or longer.

    Weight 60, limit 1 user: more of them own codes under which others there claimed.
    """
    return _referrers_in_group(case, "device", limit)


def ring_by_ip(case: Case, limit: int) -> Figures | None:
    """People who claimed from one address claimed under each other's codes.

    Weight 5, limit 2 users: colleagues pass codes on too, and by the simulator's table nine of ten
    who are found by it are honest.
    """
    return _referrers_in_group(case, "ip", limit)


def is_owners_browser(case: Case) -> bool:
    """Whether the code's owner was seen in the browser of the claim or the signup."""
    seen = case.seen.get(VISITOR)
    return seen is not None and seen.insiders_30d > 0


def is_shared_browser(case: Case) -> bool:
    """Whether other users signed up or claimed in the browser of the claim or the signup."""
    seen = case.seen.get(VISITOR)
    return seen is not None and seen.users_30d > 1


def _users_of_browser(case: Case, limit: int, *, is_day: bool) -> Figures | None:
    """More users in the browser than the limit, unless the device shows that, too."""
    if _users(case, "device", limit, is_day=is_day) is not None:
        return None
    return _users(case, VISITOR, limit, is_day=is_day)


def _users(case: Case, kind: str, limit: int, *, is_day: bool) -> Figures | None:
    seen = case.seen.get(kind)
    if seen is None:
        return None
    users = seen.users_24h if is_day else seen.users_30d
    return {"users": users, "limit": limit} if is_above(users, limit) else None


def is_above(users: int, limit: int) -> bool:
    """Whether users are more than a limit, or as many as are counted: there may be more."""
    return users > limit or users >= MOST_SEEN


def _referrers_in_group(case: Case, kind: str, limit: int) -> Figures | None:
    seen = case.seen.get(kind)
    if seen is None or seen.insiders_30d <= limit:
        return None
    return {
        "insiders": seen.insiders_30d,
        "users": seen.users_30d,
        "codes": seen.codes_30d,
        "limit": limit,
    }
