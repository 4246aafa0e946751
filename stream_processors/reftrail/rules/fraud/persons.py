"""Users who are known to be one person: they count once among the users of a signal.

The velocity stage knows users only. Its answer names the others behind a signal, so that those who
are known, or turn out later, to be the claim's own user can be left out wherever it is judged.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from reftrail.rules.fraud.case import Evidence, SignalSeen
from reftrail.rules.fraud.checks import REASONS
from reftrail.rules.fraud.velocity_checks import is_above
from reftrail.rules.velocity import MOST_SEEN, VISITOR, names_in

_PAIR: Final = "pair"
"""The kind of signal that is about a user and the code's owner, who are two."""

_COUNTS: Final[Mapping[str, tuple[str, str]]] = {
    "users_per_ip_24h": ("ip", "users_24h"),
    "users_per_ip_30d": ("ip", "users_30d"),
    "users_per_network_24h": ("network", "users_24h"),
    "users_per_network_30d": ("network", "users_30d"),
    "users_per_device_24h": ("device", "users_24h"),
    "users_per_device_30d": ("device", "users_30d"),
    "many_per_device_30d": ("device", "users_30d"),
    "users_per_visitor_24h": (VISITOR, "users_24h"),
    "users_per_visitor_30d": (VISITOR, "users_30d"),
    "many_per_visitor_30d": (VISITOR, "users_30d"),
    "users_per_email": ("email", "users_365d"),
}
"""The kind of signal of each reason that counts users, and the number that it compares."""


def of_person(seen: SignalSeen, person: frozenset[bytes]) -> SignalSeen:
    """An answer about a claim of a person, as if that person had been one user.

    person are the names of all users who are known to be the claim's user, that one included.
    Users beyond those whom the answer names count as others.
    """
    if not person or not seen.others or seen.kind == _PAIR:
        return seen
    others = names_in(seen.others)

    def counted(users: int) -> int:
        if not 0 < users < MOST_SEEN:
            return users
        return users - sum(other in person for other in others[: users - 1])

    return msgspec.structs.replace(
        seen,
        users_24h=counted(seen.users_24h),
        users_30d=counted(seen.users_30d),
        users_365d=counted(seen.users_365d),
    )


def names_any_of(seen: SignalSeen, person: frozenset[bytes]) -> bool:
    """Whether an answer names one of a person's users among the others."""
    return not person.isdisjoint(names_in(seen.others))


def rests_on_users(evidence: Iterable[Evidence]) -> bool:
    """Whether evidence has a number of users among it, and is of suspicions alone."""
    reasons = [found.reason for found in evidence]
    return not _COUNTS.keys().isdisjoint(reasons) and all(reason in REASONS for reason in reasons)


def still_found(evidence: Iterable[Evidence], seen: Mapping[str, SignalSeen]) -> Iterator[Evidence]:
    """What is left of evidence, by answers in which a person's users count once."""
    for found in evidence:
        kind, name = _COUNTS.get(found.reason, ("", ""))
        users, limit = found.figures.get("users"), found.figures.get("limit")
        if kind not in seen or not isinstance(users, int) or not isinstance(limit, int):
            yield found
            continue
        fewer = min(users, getattr(seen[kind], name))
        if is_above(fewer, limit):
            yield msgspec.structs.replace(found, figures={**found.figures, "users": fewer})
