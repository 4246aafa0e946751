"""A visitor's journey: the events that a plot makes up, with the money that really moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeAlias

from reftrail.contracts.record import HOUR, SECOND, Millis
from reftrail.simulator.occurrence import NOTHING_MOVED, Moved, Occurrence, Step
from reftrail.simulator.programme import Programme, event_id

BROWSERS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
)
BOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

_COUNTRIES: Final = ("DE", "GB", "US", "IN", "BR", "NG")
_SOURCES: Final = ("electronic", "electronic", "electronic", "portal", "direct")
_UTM_SOURCES: Final = (None, "newsletter", "instagram", None, "partner blog")


@dataclass(slots=True)
class Journey:
    """A visitor's steps as they are made up. owners_seen are owners who came as visitors before."""

    rng: Random
    programme: Programme
    number: int
    starts: Millis
    owners_seen: set[str]
    steps: list[Step] = field(default_factory=list)
    context: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Choose what all of the visitor's events have in common."""
        rng = self.rng
        self.context = {
            "source": rng.choice(_SOURCES),
            "device_id": f"device-{self.number}",
            "ip": f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
            "user_agent": rng.choice(BROWSERS),
            "country": rng.choice(_COUNTRIES),
        }

    @property
    def visitor(self) -> str:
        """The visitor's id."""
        return f"visitor-{self.number}"

    @property
    def user(self) -> str:
        """Whom the visitor becomes by signing up."""
        return f"user-{self.number}"

    def happens(
        self,
        kind: str,
        at: Millis,
        *,
        sent_at: Millis | None = None,
        straggler: bool = False,
        moved: Moved = NOTHING_MOVED,
        **facts: Any,
    ) -> None:
        """Add an event that is sent at once, or later: at sent_at, or as a straggler."""
        came_from = _UTM_SOURCES[(self.number + len(self.steps)) % len(_UTM_SOURCES)]
        own = {"visitor_id": self.visitor, "utm_source": came_from}
        fields = own | self.context | facts
        event = Occurrence(kind, event_id(self.rng, at), at, **fields)
        self.steps.append(Step(sent_at or at, event, self.number, straggler, moved=moved))

    def a_code(self) -> str:
        """A registered code; few of them are used by many."""
        codes = self.programme.by_popularity
        return codes[int(len(codes) * self.rng.random() ** 2)]

    def good_code(self, *campaigns: str) -> str:
        """A code of one of these campaigns that is never stopped or limited."""
        codes = self.programme.good_codes[self.rng.choice(campaigns)]
        return codes[int(len(codes) * self.rng.random() ** 2)]

    def some_code(self) -> str:
        """Most times a registered code, else one that nobody issued."""
        return self.rng.choice(self.programme.ghosts) if self.rng.random() < 0.04 else self.a_code()

    def window(self, code: str) -> Millis:
        """Time for which a touch of a registered code counts."""
        return self.programme.campaign_of(code).attribution_window_ms

    def soon(self, after: Millis, most: Millis = 2 * HOUR) -> Millis:
        """A time at least a second later."""
        return after + self.rng.randrange(SECOND, most)


Plot: TypeAlias = Callable[[Journey], None]
