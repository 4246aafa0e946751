"""Town where people refer people, honestly or not: its people, their acts, and their fraud.

What is true is written down as it is made up; the rules are never asked.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple
from zlib import crc32

from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, SECOND, Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger, named_hash
from reftrail.edge.pseudonyms import HashKey, Pseudonyms, pseudonyms
from reftrail.simulator.journey import BROWSERS
from reftrail.simulator.occurrence import Occurrence
from reftrail.simulator.programme import event_id

LENGTH: Final[Millis] = 45 * DAY
"""The time for which the town is watched: longer than the rules remember a signal."""

LEAST_ORDER: Final = 40_00
"""Cents that an order must come to in the campaign that rewards the first purchase."""

_PEOPLE: Final = ("mail.example", "post.example", "inbox.example")
_PSEUDONYMS: Final = pseudonyms(HashKey("simulated", bytes(32)))
_MINUTES: Final = ("mailinator.com", "yopmail.com", "guerrillamail.com")


class Story(NamedTuple):
    """A plan of people in the town."""

    name: str
    is_fraud: bool
    assumed: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, and what the collector sees of them.

    browser is the name of its software. visitor is the id that its pages keep there, empty for one
    of their own with each visit.
    """

    user: str
    device: str
    ip: str
    email: str
    browser: str
    visitor: str = ""


@dataclass(frozen=True, slots=True)
class Referral:
    """Somebody signs up under a code and maybe buys.

    pace is from the click to the signup; a typed code has no click. buys_after and refunded_after
    are from the signup and from the purchase, None if it doesn't come to that.
    """

    story: Story
    code: str
    who: Person
    at: Millis
    pace: Millis
    typed: bool = False
    buys_after: Millis | None = None
    cents: int = 0
    refunded_after: Millis | None = None


@dataclass(slots=True)
class Town:
    """People, codes, and all that happens until the end. truth is by code and user.

    forged has codes that look like those of a campaign's secret and aren't. carelessness scales how
    often fraudsters use scripts and addresses for minutes. hold_for is how long the campaigns keep
    every grant back. repeats_signals is the share of shops (codes) whose server repeats the buyer's
    address, device and e-mail with a purchase; most servers report the order alone.
    """

    rng: Random
    ends: Millis
    carelessness: float = 1
    hold_for: Millis = 0
    repeats_signals: float = 0
    codes: dict[str, CodeChanged] = field(default_factory=dict)
    forged: set[str] = field(default_factory=set)
    truth: dict[tuple[str, str], Story] = field(default_factory=dict)
    events: list[Occurrence] = field(default_factory=list)
    pseudonyms: Pseudonyms = _PSEUDONYMS
    _people: int = 0

    @property
    def begins(self) -> Millis:
        """The time of the first of its events."""
        return self.ends - LENGTH

    @property
    def campaigns(self) -> list[CampaignDefined]:
        """Two that reward both sides, for signing up and for a first purchase.

        Their policy is the default one, but for hold_for.
        """
        return [self._campaign(trigger) for trigger in (Trigger.SIGNUP, Trigger.FIRST_PURCHASE)]

    def person(
        self,
        *,
        ip: str | None = None,
        device: str | None = None,
        visitor: str = "",
        disposable: float = 0.02,
    ) -> Person:
        """Somebody new; disposable is how probable it is that they use an address for minutes."""
        self._people += 1
        number, rng = self._people, self.rng
        domains = _MINUTES if rng.random() < disposable else _PEOPLE
        return Person(
            user=f"user-{number}",
            device=device or f"device-{number}",
            ip=ip or self.address(),
            email=f"someone.{number}@{rng.choice(domains)}",
            browser=rng.choice(BROWSERS),
            visitor=visitor,
        )

    def is_known(self, who: Person, at: Millis) -> None:
        """A server says who is signed in in a browser."""
        self._event("identified", at, user_id=who.user, visitor_id=who.visitor)

    def address(self) -> str:
        """An address that hardly anybody else has."""
        rng = self.rng
        return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"

    def code_of(self, owner: Person, trigger: Trigger | None = None) -> str:
        """A code that somebody has registered before it all began, under some campaign."""
        trigger = trigger or self.rng.choice((Trigger.SIGNUP, Trigger.FIRST_PURCHASE))
        ip, network = self.pseudonyms.address(owner.ip)
        code = CodeChanged(
            **self._since(self.begins - DAY),
            code=f"REF-{len(self.codes)}",
            campaign_id=trigger,
            owner_user_id=owner.user,
            created_at=self.begins - DAY,
            owner_device_hash=self._named(self.pseudonyms.device(owner.device)),
            owner_ip_hash=self._named(ip),
            owner_network_hash=self._named(network),
            owner_email_hash=self._named(self.pseudonyms.email(owner.email)),
        )
        self.codes[code.code] = code
        return code.code

    def _named(self, digits: str) -> str | None:
        return named_hash(self.pseudonyms.key_id, digits)

    def some_time(self, margin: Millis = 3 * DAY) -> Millis:
        """A moment with so much time left before the end."""
        return self.begins + self.rng.randrange(LENGTH - margin)

    def happens(self, referral: Referral) -> None:
        """Somebody is referred; what comes after the end doesn't come."""
        who, rng = referral.who, self.rng
        context = {"ip": who.ip, "device_id": who.device, "user_agent": who.browser}
        visit = context | {"visitor_id": who.visitor or f"visitor-{len(self.events)}"}
        if not referral.typed:
            self._event("click", referral.at, code=referral.code, **visit)
        signed_up = referral.at + referral.pace
        typed = {"code": referral.code} if referral.typed else {}
        self._event("signup", signed_up, user_id=who.user, email=who.email, **typed, **visit)
        if referral.buys_after is not None:
            order = {"user_id": who.user, "order_id": f"order-{rng.getrandbits(64):x}"}
            bought, amount = (
                signed_up + referral.buys_after,
                f"{referral.cents // 100}.{referral.cents % 100:02}",
            )
            paid = {"amount": amount, "currency": "USD"}
            buyer = context | {"email": who.email} if self._repeats_signals(referral.code) else {}
            self._event("purchase", bought, **order, **paid, **buyer)
            if referral.refunded_after is not None:
                self._event("refund", bought + referral.refunded_after, **order)
        self.truth[referral.code, who.user] = referral.story

    def _event(self, kind: str, at: Millis, **facts: Any) -> None:
        if at <= self.ends:
            self.events.append(Occurrence(kind, event_id(self.rng, at), at, **facts))

    def _repeats_signals(self, code: str) -> bool:
        """Whether this shop's server does. Not drawn from rng: the town is else the same."""
        return crc32(code.encode()) < self.repeats_signals * 2**32

    def _since(self, at: Millis) -> dict[str, Any]:
        return {"event_id": event_id(self.rng, at), "event_time": at, "received_at": at}

    def _campaign(self, trigger: Trigger) -> CampaignDefined:
        before = self.begins - 2 * DAY
        minimum = LEAST_ORDER * MICROS_PER_UNIT // 100 if trigger == Trigger.FIRST_PURCHASE else 0
        return CampaignDefined(
            **self._since(before),
            campaign_id=trigger,
            version=1,
            effective_from=before,
            name=trigger,
            trigger=trigger,
            minimum_amount_micros=minimum,
            referrer_reward_micros=10 * MICROS_PER_UNIT,
            referee_reward_micros=10 * MICROS_PER_UNIT,
            policy=policy_text(Policy(hold_for=self.hold_for)),
        )


def by_hand(rng: Random) -> Millis:
    """The time from the click to the signup: 15 s to two days, mostly minutes."""
    return max(15 * SECOND, min(2 * DAY, int(rng.lognormvariate(0, 1.8) * 4 * MINUTE)))


def usual_order(rng: Random) -> int:
    """The amount of an order of ordinary people, in cents: some 70, few less than 40, long tail."""
    return int(rng.lognormvariate(4.25, 0.45) * 100)


def later(rng: Random) -> Millis:
    """The time until somebody buys: minutes to days, for one in ten at the till."""
    if rng.random() < 0.1:
        return rng.randrange(5 * SECOND, 30 * SECOND)
    return min(3 * DAY, 2 * MINUTE + int(rng.expovariate(1) * 8 * HOUR))
