"""What one visitor does, from the first view to the refund: the plots, and how often each is.

Plots put in what makes attribution hard: touches that arrive out of order, late or twice, bots,
codes that nobody issued, windows that run out, people who refer themselves, guest checkouts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from reftrail.contracts.record import DAY, HOUR, MINUTE, SECOND, Millis
from reftrail.simulator.occurrence import Occurrence, Step
from reftrail.simulator.programme import NO_GRACE, Programme, event_id

BROWSERS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
)
BOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

_COUNTRIES: Final = ("DE", "GB", "US", "IN", "BR", "NG")
_SOURCES: Final = ("electronic", "electronic", "electronic", "portal", "direct")


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
        **facts: Any,
    ) -> None:
        """Add an event that is sent at once, or later: at sent_at, or as a straggler."""
        told = {"visitor_id": self.visitor} | self.context | facts
        event = Occurrence(kind, event_id(self.rng, at), at, **told)
        self.steps.append(Step(sent_at or at, event, self.number, straggler))

    def a_code(self) -> str:
        """A registered code; few of them are used by many."""
        codes = self.programme.by_popularity
        return codes[int(len(codes) * self.rng.random() ** 2)]

    def some_code(self) -> str:
        """Most times a registered code, else one that nobody issued."""
        return self.rng.choice(self.programme.ghosts) if self.rng.random() < 0.04 else self.a_code()

    def window(self, code: str) -> Millis:
        """For how long a touch of a registered code counts."""
        return self.programme.campaign_of(code).attribution_window_ms

    def soon(self, after: Millis, most: Millis = 2 * HOUR) -> Millis:
        """A time at least a second later."""
        return after + self.rng.randrange(SECOND, most)


Plot = Callable[[Journey], None]


def browses(on: Journey) -> None:
    """Sees a few things that carry codes, and follows one now and then."""
    at, code = on.starts, on.some_code()
    for _ in range(on.rng.randrange(1, 7)):
        on.happens("view", at, code=code)
        at = on.soon(at)
        if on.rng.random() < 0.3:
            on.happens("click", at, code=code)
            at = on.soon(at, DAY)
        if on.rng.random() < 0.2:
            code = on.some_code()


def crawls(on: Journey) -> None:
    """Is a bot."""
    on.context["user_agent"] = BOT
    at, code = on.starts, on.some_code()
    for _ in range(on.rng.randrange(3, 10)):
        on.happens(on.rng.choice(("view", "click")), at, code=code)
        at = on.soon(at, MINUTE)


def begins_the_form(on: Journey) -> None:
    """Comes as far as the form."""
    browses(on)
    on.happens("form_started", on.soon(on.steps[-1].event.event_time))


def joins(on: Journey) -> None:
    """Browses, follows a link, signs up, and maybe buys: the usual case."""
    browses(on)
    at = on.soon(on.steps[-1].event.event_time)
    on.happens("click", at, code=on.some_code())
    signs_up(on, on.soon(at, 3 * DAY))


def joins_by_itself(on: Journey) -> None:
    """Signs up without any link, at times with a code typed in, known or not, by phone or app."""
    typed = on.rng.choice((None, on.a_code(), on.a_code(), on.rng.choice(on.programme.ghosts)))
    somewhere: dict[str, Any] = {} if on.rng.random() < 0.7 else {"visitor_id": None}
    signs_up(on, on.starts, code=typed, **somewhere)


def joins_with_two_codes(on: Journey) -> None:
    """Followed one link and types in another code, which wins where its campaign says so."""
    on.happens("click", on.starts, code=on.a_code())
    typed = on.rng.choice((on.a_code(), on.a_code(), on.rng.choice(on.programme.ghosts)))
    signs_up(on, on.soon(on.starts, DAY), code=typed)


def joins_too_late(on: Journey) -> None:
    """Signs up when the window of the only touch has run out, just or long ago."""
    code = on.a_code()
    on.happens("click", on.starts, code=code)
    after = on.starts + on.window(code)
    signs_up(on, on.rng.choice((after, after + 1, on.soon(after, 5 * DAY))))


def comes_again(on: Journey) -> None:
    """Follows another link after the first one's window, and signs up by that.

    At times the first one is only sent after the second, and must not take its place.
    """
    code = on.a_code()
    again = on.soon(on.starts + on.window(code), 3 * DAY)
    sent_at = on.soon(again, HOUR) if on.rng.random() < 0.3 else on.starts
    on.happens("click", on.starts, code=code, sent_at=sent_at)
    on.happens("click", again, code=on.a_code())
    signs_up(on, on.soon(again + HOUR, DAY))


def arrives_out_of_order(on: Journey) -> None:
    """The first touch is sent after the second one, yet before the signup: it wins."""
    second = on.soon(on.starts, DAY)
    signup = second + HOUR + on.soon(0, DAY)
    on.happens("click", on.starts, code=on.a_code(), sent_at=on.soon(second, HOUR))
    on.happens("click", second, code=on.a_code())
    signs_up(on, signup)


def touch_arrives_after_signup(on: Journey) -> None:
    """The touch comes in when the user is there: too late, or not, if there is no other one.

    If there is one, it may still be corrected; such users buy nothing, since whether a purchase or
    the touch is there first is nobody's to say.
    """
    signup = on.soon(on.starts, 2 * DAY)
    is_second = on.rng.random() < 0.5
    if is_second:
        on.happens("click", on.soon(on.starts, signup - on.starts), code=on.a_code())
    code = on.a_code()
    in_grace = on.programme.campaign_of(code).late_touch_grace_ms > NO_GRACE
    on.happens("click", on.starts, code=code, sent_at=on.soon(signup, HOUR), straggler=not in_grace)
    signs_up(on, signup, buys=not (is_second and in_grace))


def refers_itself(on: Journey) -> None:
    """Owns the code that brought it here; an owner signs up once."""
    code = on.a_code()
    owner = on.programme.codes[code].owner_user_id
    who = on.user if owner is None or owner in on.owners_seen else owner
    on.owners_seen.add(who)
    on.happens("click", on.starts, code=code)
    signs_up(on, on.soon(on.starts, HOUR), user_id=who)


def a_bot_was_here_before(on: Journey) -> None:
    """A link preview fetched one code before the person followed another."""
    on.happens("click", on.starts, code=on.a_code(), user_agent=BOT)
    at = on.soon(on.starts, HOUR)
    on.happens("click", at, code=on.a_code())
    signs_up(on, on.soon(at, DAY))


def signs_up(on: Journey, at: Millis, *, buys: bool = True, **facts: Any) -> None:
    """Becomes a user; every second one buys, some before the signup is sent, some as a guest."""
    rng = on.rng
    who = facts.get("user_id", on.user)
    slow = rng.random() < 0.1
    on.happens(
        "signup",
        at,
        sent_at=at + HOUR if slow else None,
        **({"user_id": who, "email": f"{who}@example.com"} | facts),
    )
    if not buys:
        return
    if rng.random() < 0.03:
        _buys(on, who, at - SECOND)
    if rng.random() < 0.5:
        first = on.soon(at, 30 * MINUTE if slow else 9 * DAY)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            _buys(on, who, first)
            first = on.soon(first, 6 * DAY)


def _buys(on: Journey, who: str, at: Millis) -> None:
    """An order; some are paid back, in parts or in full."""
    rng = on.rng
    order = f"order-{on.number}-{len(on.steps)}"
    cents = rng.choice((rng.randrange(500, 40_00), rng.randrange(40_00, 250_00), 40_00, 100_00))
    facts: dict[str, Any] = {"visitor_id": None, "user_id": who, "order_id": order}
    on.happens("purchase", at, **facts, amount=_decimal(cents), currency="USD")
    if rng.random() < 0.15:
        back = on.soon(at, 2 * DAY)
        match rng.randrange(3):
            case 0:
                on.happens("refund", back, **facts)
            case 1:
                on.happens("refund", back, **facts, amount=_decimal(cents // 10), currency="USD")
            case _:
                for part in (cents // 3, cents // 2):
                    on.happens("refund", back, **facts, amount=_decimal(part), currency="USD")
                    back = on.soon(back, DAY)


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


PLOTS: Final[dict[Plot, int]] = {
    browses: 480,
    crawls: 30,
    begins_the_form: 200,
    joins: 130,
    joins_by_itself: 40,
    joins_with_two_codes: 20,
    joins_too_late: 15,
    comes_again: 15,
    arrives_out_of_order: 20,
    touch_arrives_after_signup: 25,
    refers_itself: 10,
    a_bot_was_here_before: 15,
}
"""Of a thousand journeys, how many go like this."""
