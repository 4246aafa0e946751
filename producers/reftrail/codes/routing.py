"""What a code's prefix says: which category, brand or app it belongs to, and when that holds."""

from dataclasses import dataclass, replace

from reftrail.contracts.record import Millis


@dataclass(frozen=True, slots=True)
class Route:
    """Where codes with a prefix lead, from valid_from to before valid_until (None: no bound)."""

    prefix: str
    category: str | None = None
    brand: str | None = None
    app_id: str | None = None
    valid_from: Millis | None = None
    valid_until: Millis | None = None

    def holds(self, at: Millis) -> bool:
        """Whether the prefix is in force at a time."""
        begun = self.valid_from is None or self.valid_from <= at
        return begun and (self.valid_until is None or at < self.valid_until)


@dataclass(frozen=True, slots=True)
class OutOfDate:
    """The prefix is known, but not in force at that time."""

    route: Route


@dataclass(frozen=True, slots=True)
class Routing:
    """The table of prefixes. Of several that fit a code, the longest one counts.

    Raises ValueError if a prefix is empty, or stands twice at one time.
    """

    routes: tuple[Route, ...]

    def __post_init__(self) -> None:
        for place, route in enumerate(self.routes):
            if not route.prefix:
                raise ValueError("a route needs a prefix")
            if any(_overlap(route, other) for other in self.routes[place + 1 :]):
                raise ValueError(
                    f"prefix {route.prefix} stands twice at one time; end one of the routes with "
                    "valid_until before the other begins with valid_from"
                )

    def route(self, code: str, at: Millis) -> Route | OutOfDate | None:
        """Where a canonical code leads at a time; None if its prefix isn't known."""
        fitting = [route for route in self.routes if code.upper().startswith(route.prefix.upper())]
        in_force = [route for route in fitting if route.holds(at)]
        if in_force:
            return max(in_force, key=_length)
        return OutOfDate(max(fitting, key=_length)) if fitting else None

    def rotated(self, prefix: str, into: str, at: Millis, until: Millis | None) -> "Routing":
        """A table in which another prefix takes over at a time.

        Codes are issued with the new one from then on; the old one holds until `until` (None: as
        before), so that both hold together and nobody's code dies overnight.
        """
        old = self.route(prefix, at)
        if not isinstance(old, Route) or old.prefix.upper() != prefix.upper():
            known = ", ".join(route.prefix for route in self.routes) or "none"
            raise ValueError(f"prefix {prefix} is not in force then (known: {known})")
        if until is not None and until < at:
            raise ValueError("the old prefix must hold at least until the new one begins")
        ended = replace(old, valid_until=old.valid_until if until is None else until)
        begun = replace(old, prefix=into, valid_from=at)
        return Routing((*(ended if route is old else route for route in self.routes), begun))


def _length(route: Route) -> int:
    return len(route.prefix)


def _overlap(one: Route, other: Route) -> bool:
    if one.prefix.upper() != other.prefix.upper():
        return False
    first, second = sorted((one, other), key=lambda route: route.valid_from or 0)
    return first.valid_until is None or first.valid_until > (second.valid_from or 0)
