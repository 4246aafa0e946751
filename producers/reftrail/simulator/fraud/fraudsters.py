"""People who refer themselves, alone or many times over, and how they go about it.

Shares and habits are assumptions, given beside each story. Most of those who make many accounts
use a script; those who don't are as slow as anybody.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from reftrail.contracts.record import DAY, HOUR, MINUTE, SECOND, Millis
from reftrail.contracts.reference import Trigger
from reftrail.simulator.fraud.honest import Play
from reftrail.simulator.fraud.town import LEAST_ORDER, Person, Referral, Story, Town, by_hand

_SCRIPTED: Final = 0.75
_THROWN_AWAY: Final = 0.8


@dataclass(frozen=True, slots=True)
class Scheme:
    """Somebody earns by a code."""

    town: Town
    story: Story
    code: str

    def claims(
        self,
        who: Person,
        pace: Millis,
        at: Millis | None = None,
        *,
        refunded_after: Millis | None = None,
    ) -> None:
        """Signs up and buys as little as earns, soon after; a script at once."""
        rng = self.town.rng
        longest = 30 * SECOND if pace < 10 * SECOND else 6 * HOUR
        self.town.happens(
            Referral(
                story=self.story,
                code=self.code,
                who=who,
                at=self.town.some_time() if at is None else at,
                pace=pace,
                buys_after=rng.randrange(SECOND, longest),
                cents=LEAST_ORDER + rng.randrange(10_00),
                refunded_after=refunded_after,
            )
        )


def own_code(town: Town, story: Story) -> None:
    """The owner signs up under their own code."""
    owner = town.person()
    Scheme(town, story, town.code_of(owner)).claims(owner, by_hand(town.rng))


def second_account(town: Town, story: Story) -> None:
    """The owner makes another account on the same device, or with the same e-mail address."""
    rng, owner = town.rng, town.person()
    code = town.code_of(owner)
    if rng.random() < 0.7:
        ip = owner.ip if rng.random() < 0.7 else None
        another = town.person(ip=ip, device=owner.device, disposable=0.3 * town.carelessness)
    else:
        another = town.person()
        another = Person(
            another.user, another.device, another.ip, owner.email.upper(), another.browser
        )
    Scheme(town, story, code).claims(another, by_hand(rng))


def private_windows(town: Town, story: Story) -> None:
    """The owner makes accounts from home in private windows, each a new device to the collector."""
    rng, owner = town.rng, town.person()
    code, at = town.code_of(owner), town.some_time(5 * DAY)
    for _ in range(rng.randrange(2, 7)):
        at += rng.randrange(MINUTE, HOUR)
        is_scripted = rng.random() < 0.5 * town.carelessness
        another = town.person(ip=owner.ip, disposable=_THROWN_AWAY * town.carelessness)
        Scheme(town, story, code).claims(
            another,
            _pace(rng, is_scripted=is_scripted),
            at,
        )


def device_farm(town: Town, story: Story) -> None:
    """Resets accounts on a few devices, behind addresses that change."""
    rng = town.rng
    code, at = town.code_of(town.person()), town.some_time(7 * DAY)
    is_scripted = rng.random() < _SCRIPTED * town.carelessness
    for device in range(rng.randrange(1, 4)):
        for _ in range(rng.randrange(8, 25)):
            at += rng.randrange(MINUTE, HOUR)
            name = f"farm-{code}-{device}"
            another = town.person(device=name, disposable=_THROWN_AWAY * town.carelessness)
            Scheme(town, story, code).claims(another, _pace(rng, is_scripted=is_scripted), at)


def one_browser(town: Town, story: Story) -> None:
    """Makes accounts in one browser, and changes address, e-mail and device id for each."""
    rng = town.rng
    code, at = town.code_of(town.person()), town.some_time(7 * DAY)
    is_scripted = rng.random() < _SCRIPTED * town.carelessness
    for _ in range(rng.randrange(8, 13)):
        at += rng.randrange(MINUTE, 2 * HOUR)
        name = f"browser of {code}"
        another = town.person(visitor=name, disposable=_THROWN_AWAY * town.carelessness)
        Scheme(town, story, code).claims(another, _pace(rng, is_scripted=is_scripted), at)


def own_browser(town: Town, story: Story) -> None:
    """The owner makes one or two accounts in the own browser, elsewhere and with another address.

    The owner has been signed in there, days before or between.
    """
    rng, at = town.rng, town.some_time(10 * DAY)
    owner = town.person()
    owner = replace(owner, visitor=f"browser of {owner.user}")
    code = town.code_of(owner)
    town.is_known(owner, at)
    for _ in range(rng.randrange(1, 3)):
        at += rng.randrange(MINUTE, 3 * DAY)
        another = town.person(visitor=owner.visitor, disposable=0.3 * town.carelessness)
        Scheme(town, story, code).claims(another, by_hand(rng), at)


def ip_farm(town: Town, story: Story) -> None:
    """Makes accounts behind one address, each on a device that seems new."""
    rng, owner = town.rng, town.person()
    code, at = town.code_of(owner), town.some_time(7 * DAY)
    ip = owner.ip if rng.random() < 0.5 else town.address()
    is_scripted = rng.random() < _SCRIPTED * town.carelessness
    for _ in range(rng.randrange(20, 70)):
        at += rng.randrange(MINUTE, HOUR)
        another = town.person(ip=ip, disposable=_THROWN_AWAY * town.carelessness)
        Scheme(town, story, code).claims(another, _pace(rng, is_scripted=is_scripted), at)


def back_again(town: Town, story: Story) -> None:
    """Two customers: who was referred refers the referrer, who is no new customer.

    The first of the two referrals is what a programme is for, and honest: friends.
    """
    rng, person, other = town.rng, town.person(), town.person()
    codes, at = (town.code_of(person), town.code_of(other)), town.some_time(10 * DAY)
    Scheme(town, _FIRST_OF_TWO, codes[0]).claims(other, by_hand(rng), at)
    at += rng.randrange(4 * DAY, 6 * DAY)
    Scheme(town, story, codes[1]).claims(person, by_hand(rng), at)


def ring(town: Town, story: Story) -> None:
    """One person's three to five accounts refer each other in a circle, on one device."""
    rng, first = town.rng, town.person()
    accounts = [first] + [
        town.person(ip=first.ip if rng.random() < 0.6 else None, device=first.device)
        for _ in range(rng.randrange(2, 5))
    ]
    codes, at = [town.code_of(account) for account in accounts], town.some_time(10 * DAY)
    for nth, account in enumerate(accounts):
        at += rng.randrange(5 * MINUTE, 12 * HOUR)
        Scheme(town, story, codes[nth - 1]).claims(account, by_hand(rng), at)


def bots(town: Town, story: Story) -> None:
    """A program signs up from rented addresses, with a browser's name and no device twice."""
    rng = town.rng
    code, at = town.code_of(town.person()), town.some_time(7 * DAY)
    for _ in range(rng.randrange(20, 80)):
        at += rng.randrange(5 * SECOND, 20 * MINUTE)
        another = town.person(disposable=_THROWN_AWAY * town.carelessness)
        Scheme(town, story, code).claims(another, _pace(rng, is_scripted=True), at)


def forged_codes(town: Town, story: Story) -> None:
    """Types in codes that look right."""
    rng = town.rng
    for _ in range(rng.randrange(1, 6)):
        code = f"FORGED-{rng.getrandbits(40):X}"
        if rng.random() < 0.7:
            town.forged.add(code)
        at = town.some_time()
        town.happens(Referral(story, code, town.person(), at, by_hand(rng), typed=True))


def refunds(town: Town, story: Story) -> None:
    """Buys for the reward, gives it back, and is else like anybody."""
    rng, at = town.rng, town.some_time(20 * DAY)
    code = town.code_of(town.person(), Trigger.FIRST_PURCHASE)
    for _ in range(rng.randrange(1, 4)):
        at += rng.randrange(DAY)
        refunded = rng.randrange(HOUR, 10 * DAY)
        Scheme(town, story, code).claims(town.person(), by_hand(rng), at, refunded_after=refunded)


def _pace(rng: Random, *, is_scripted: bool) -> Millis:
    """Time from the click to the signup; a script waits for pages to load, and for some seconds."""
    return rng.randrange(SECOND // 2, 8 * SECOND) if is_scripted else by_hand(rng)


_FIRST_OF_TWO: Final = Story("friends, first of two", False, "before one refers the other back")

REFUNDS: Final = Story("refund abuse", True, "1 to 3 who buy and give back; else like anybody")

FRAUD: Final[dict[Story, tuple[Play, int]]] = {
    Story("own code", True, "signs up under it"): (own_code, 6),
    Story("second account", True, "on the owner's device (70 %) or e-mail address"): (
        second_account,
        10,
    ),
    Story("private windows", True, "2 to 6 accounts at the owner's address"): (private_windows, 10),
    Story("device farm", True, "8 to 24 accounts a device, 1 to 3 devices"): (device_farm, 18),
    Story("ip farm", True, "20 to 69 accounts at an address, half of them the owner's"): (
        ip_farm,
        18,
    ),
    Story("referred back", True, "two customers refer one another; the second"): (
        back_again,
        3,
    ),
    Story("ring", True, "3 to 5 accounts on one device, in a circle"): (ring, 8),
    Story("bots", True, "20 to 79 accounts, other addresses and devices, a script"): (bots, 15),
    Story("forged codes", True, "typed in, 70 % as of a campaign's secret, else unknown"): (
        forged_codes,
        8,
    ),
    REFUNDS: (refunds, 4),
}
"""The plays of fraudsters, each with its share in a hundred fraudulent referrals."""

IN_BROWSERS: Final[dict[Story, tuple[Play, int]]] = {
    Story("one browser", True, "8 to 12 accounts; other addresses, e-mails and device ids"): (
        one_browser,
        8,
    ),
    Story("own browser", True, "1 or 2 accounts in the owner's browser, and nothing else alike"): (
        own_browser,
        6,
    ),
}
"""Those in shared browsers, with how many there are for a hundred of the others."""
