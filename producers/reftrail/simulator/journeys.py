"""Journeys of single visitors with one account, from the first view to the refund.

They put in what makes attribution hard: touches that arrive out of order, late or twice, bots,
codes that nobody issued, windows that run out, people who refer themselves, guest checkouts.
"""

from typing import Any

from reftrail.contracts.record import DAY, HOUR, MINUTE, SECOND, Millis
from reftrail.simulator.journey import BOT, Journey
from reftrail.simulator.occurrence import Moved, decimal
from reftrail.simulator.programme import NO_GRACE


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
    """Owns the code that brought it here, where an owner signs up once; never within seconds."""
    code = on.a_code()
    owner = on.programme.codes[code].owner_user_id
    who = on.user if owner is None or owner in on.owners_seen else owner
    on.owners_seen.add(who)
    on.happens("click", on.starts, code=code)
    signs_up(on, on.soon(on.starts + MINUTE, HOUR), user_id=who)


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

    def pays_back(at: Millis, part: int, **amount: Any) -> None:
        on.happens("refund", at, moved=Moved(returned=part), **facts, **amount)

    amount: dict[str, Any] = {"amount": decimal(cents), "currency": "USD"}
    on.happens("purchase", at, moved=Moved(paid=cents, net=cents), **facts, **amount)
    if rng.random() < 0.15:
        back = on.soon(at, 2 * DAY)
        match rng.randrange(3):
            case 0:
                pays_back(back, cents)
            case 1:
                pays_back(back, cents // 10, **amount | {"amount": decimal(cents // 10)})
            case _:
                for part in (cents // 3, cents // 2):
                    pays_back(back, part, **amount | {"amount": decimal(part)})
                    back = on.soon(back, DAY)
