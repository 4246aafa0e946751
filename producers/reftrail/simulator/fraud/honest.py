"""Honest people, many of whom look like one another to a machine: families, offices, carriers.

The shares and habits are assumptions, given beside each story. Anybody may use an address for
minutes (2 %), sign up in some seconds with the browser's help (1 %), or buy at the till.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from reftrail.contracts.record import DAY, HOUR, MINUTE, SECOND, Millis
from reftrail.simulator.fraud.town import (
    Person,
    Referral,
    Story,
    Town,
    by_hand,
    later,
    usual_order,
)

Play: TypeAlias = Callable[[Town, Story], None]

_REFUNDED: Final = 0.05
_TYPED: Final = 0.15
_BUYS: Final = 0.7
_HELPED: Final = 0.01


def friends(town: Town, story: Story) -> None:
    """Refers friends who live elsewhere."""
    code = town.code_of(town.person())
    for _ in range(town.rng.randrange(1, 6)):
        joins(town, story, code, town.person())


def followers(town: Town, story: Story) -> None:
    """Posts the code to many, who come within days, most of them at once."""
    rng = town.rng
    code, posted = town.code_of(town.person()), town.some_time(7 * DAY)
    for _ in range(rng.randrange(30, 90)):
        at = posted + int(rng.expovariate(1) * DAY)
        joins(town, story, code, town.person(), at=at)


def family(town: Town, story: Story) -> None:
    """Refers those at home; now and then on the device on which the code was registered."""
    rng, owner = town.rng, town.person()
    code = town.code_of(owner)
    for _ in range(rng.randrange(1, 5)):
        device = owner.device if rng.random() < 0.02 else None
        joins(town, story, code, town.person(ip=owner.ip, device=device))


def office(town: Town, story: Story) -> None:
    """Colleagues behind one address pass codes on; many join on the day it goes round."""
    rng, ip = town.rng, town.address()
    staff = [town.person(ip=ip) for _ in range(rng.randrange(6, 45))]
    codes = [town.code_of(staff[0])]
    begun, before = town.some_time(10 * DAY), staff[0]
    for colleague in staff[1:]:
        at = begun + int(rng.expovariate(1) * 3 * DAY)
        joins(town, story, rng.choice(codes), colleague, at=at)
        if rng.random() < 0.15:
            codes.append(town.code_of(before))
        before = colleague


def carrier(town: Town, story: Story) -> None:
    """Strangers on the phone, behind one address of their carrier; each has another's code."""
    rng, ip = town.rng, town.address()
    codes = [town.code_of(town.person()) for _ in range(8)]
    for _ in range(rng.randrange(20, 120)):
        joins(town, story, rng.choice(codes), town.person(ip=ip))


def campus(town: Town, story: Story) -> None:
    """Students in one network, each with an address of their own."""
    rng, network = town.rng, town.address().rpartition(".")[0]
    code, begun = town.code_of(town.person(ip=f"{network}.1")), town.some_time(10 * DAY)
    for host in range(2, rng.randrange(40, 150)):
        at = begun + int(rng.expovariate(1) * 4 * DAY)
        joins(town, story, code, town.person(ip=f"{network}.{host}"), at=at)


def shared_device(town: Town, story: Story) -> None:
    """Two at home share a tablet and follow a friend's link; rarely it's a public computer."""
    rng, person = town.rng, town.person()
    people = 2 if rng.random() < 0.97 else rng.randrange(3, 6)
    code = town.code_of(town.person())
    for _ in range(people):
        joins(town, story, code, town.person(ip=person.ip, device=person.device))


def shared_browser(town: Town, story: Story) -> None:
    """Some at home use one computer: a friend's link, rarely that of one who lives there, too."""
    rng, owner = town.rng, town.person()
    at = town.some_time(10 * DAY)
    code, visitor = town.code_of(owner), f"browser of {owner.user}'s friends"
    home = town.person()
    if rng.random() < 0.02:
        home = owner
        town.is_known(replace(owner, visitor=visitor), at)
    for _ in range(2 if rng.random() < 0.97 else 3):
        at += rng.randrange(MINUTE, 3 * DAY)
        another = town.person(ip=home.ip, device=home.device, visitor=visitor)
        joins(town, story, code, another, at)


def joins(town: Town, story: Story, code: str, who: Person, at: Millis | None = None) -> None:
    """Signs up as people do, and maybe buys and maybe gives it back."""
    rng = town.rng
    helped = rng.random() < _HELPED
    town.happens(
        Referral(
            story=story,
            code=code,
            who=who,
            at=town.some_time() if at is None else at,
            pace=rng.randrange(4 * SECOND, 10 * SECOND) if helped else by_hand(rng),
            typed=rng.random() < _TYPED,
            buys_after=later(rng) if rng.random() < _BUYS else None,
            cents=usual_order(rng),
            refunded_after=(
                rng.randrange(HOUR, 10 * DAY) + MINUTE if rng.random() < _REFUNDED else None
            ),
        )
    )


HONEST: Final[dict[Story, tuple[Play, int]]] = {
    Story("friends", False, "1 to 5, each at home elsewhere"): (friends, 52),
    Story("followers", False, "30 to 90 within days of a post"): (followers, 15),
    Story("family", False, "1 to 4 at the owner's, 2 % on the owner's device"): (
        family,
        10,
    ),
    Story("office", False, "5 to 44 colleagues at the owner's address"): (office, 8),
    Story("carrier", False, "20 to 120 strangers behind one address"): (carrier, 8),
    Story("campus", False, "40 to 150 in one /24"): (campus, 4),
    Story("shared device", False, "two on one device; 3 % are public, with up to 5"): (
        shared_device,
        3,
    ),
}
"""The plays of honest people, each with its share in a hundred honest referrals."""

IN_BROWSERS: Final[dict[Story, tuple[Play, int]]] = {
    Story("shared browser", False, "2, or 3 (3 %), at one computer; 2 % at the owner's"): (
        shared_browser,
        3,
    ),
}
"""Those in shared browsers, with how many there are for a hundred of the others."""
