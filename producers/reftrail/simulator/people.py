"""People with several devices and accounts: identified, merged, and registered again."""

from typing import Any, Final

from reftrail.contracts.record import DAY, HOUR, MINUTE, Millis
from reftrail.simulator.journey import Journey
from reftrail.simulator.journeys import signs_up
from reftrail.simulator.programme import (
    CARDS,
    FRIENDS,
    PAID_AT_SIGNUP,
    PAID_BY_ORDERS,
    PARTNERS,
)
from reftrail.simulator.subscriptions import Subscription

_ANY: Final = (CARDS, FRIENDS, PARTNERS)


def clicks_on_another_device(on: Journey) -> None:
    """Follows a link on a phone and signs up on a laptop; a server says that both are the same.

    At times there is a touch on the laptop, too. Where the phone's is the earlier one, and may have
    to correct a decision, the user earns nothing meanwhile.
    """
    rng, phone = on.rng, _second(on)
    laptop = rng.choice(("new", "earlier", "later"))
    if laptop == "earlier":
        on.happens("click", on.starts, code=on.good_code(*_ANY))
    seen = on.soon(on.starts, HOUR)
    on.happens("click", seen, code=on.good_code(*PAID_AT_SIGNUP, *PAID_BY_ORDERS), **phone)
    seen = on.soon(seen, DAY)
    if laptop == "later":
        on.happens("click", seen, code=on.good_code(*PAID_BY_ORDERS))
    signup = on.soon(seen, 3 * DAY)
    known = signup + rng.choice((-MINUTE, MINUTE, DAY))
    on.happens("identified", known, visitor_id=phone["visitor_id"], user_id=on.user)
    signs_up(on, signup, buys=laptop != "later")


def merges_accounts(on: Journey) -> None:
    """Has two accounts, of which one is merged into the other, and goes on buying.

    One of them is a guest's, without an e-mail address. Either may be the older one, and either may
    have come by a code.
    """
    rng, guest, account = on.rng, on.user, f"{on.user}-b"
    first, second = (guest, account) if rng.random() < 0.7 else (account, guest)
    has_referrer = rng.random() < 0.8
    if has_referrer:
        on.happens("click", on.starts, code=on.good_code(CARDS, PARTNERS))
    at = on.soon(on.starts + MINUTE, DAY)
    _opens(on, first, at, is_guest=first == guest)
    if has_referrer:
        Subscription.of(on, first).runs(on.soon(at, DAY), rng.randrange(2))
    at += rng.randrange(2 * DAY, 20 * DAY)
    device = _second(on) if rng.random() < 0.7 else {}
    on.happens("click", at - HOUR, code=on.good_code(CARDS, PARTNERS), **device)
    _opens(on, second, at, is_guest=second == guest, **device)
    Subscription.of(on, second).runs(on.soon(at, DAY), rng.randrange(2))
    merged = at + rng.randrange(HOUR, 40 * DAY)
    on.happens("users_merged", merged, visitor_id=None, user_id=guest, merged_into=account)
    Subscription.of(on, account).runs(on.soon(merged, DAY), rng.randrange(3))


def registers_again(on: Journey) -> None:
    """Earns, deletes the account, and opens another one with the same e-mail address."""
    rng, email = on.rng, f"{on.user}@example.com"
    at = on.starts
    for user in (on.user, f"{on.user}-b"):
        on.happens("click", at, code=on.good_code(*_ANY))
        at = on.soon(at + MINUTE, DAY)
        on.happens("signup", at, user_id=user, email=email)
        Subscription.of(on, user).invoice(at + HOUR, rng.randrange(10_000, 50_000))
        at += rng.randrange(3 * DAY, 40 * DAY)


def _opens(on: Journey, user: str, at: Millis, *, is_guest: bool, **device: Any) -> None:
    email: dict[str, Any] = {} if is_guest else {"email": f"{user}@example.com"}
    on.happens("signup", at, user_id=user, **email, **device)


def _second(on: Journey) -> dict[str, Any]:
    """Another device of the visitor."""
    return {"visitor_id": f"{on.visitor}-b", "device_id": f"device-{on.number}-b"}
