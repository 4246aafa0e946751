"""A scenario played: everything that happens, as it would reach an installation, in one process.

Events pass through the collector's own judgement, so that codes, addresses and e-mails become what
they become there. Time passes by ticks, one each day and one before whatever arrives; a real
installation has them every few seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import msgspec

from reftrail.campaigns import Campaign, next_version
from reftrail.campaigns.units import money_text
from reftrail.collector.accept import Circumstances, Sender, accept
from reftrail.collector.codes import KnownCodes
from reftrail.collector.keys import KeyKind
from reftrail.collector.pseudonyms import HashKey, pseudonyms
from reftrail.contracts.codec import decode, encode_datum
from reftrail.contracts.decisions import (
    Attributed,
    DeadLettered,
    RewardDecided,
    RewardGranted,
)
from reftrail.contracts.life import (
    FulfilmentReported,
    Listed,
    Listing,
    MilestoneChanged,
    Reviewed,
    Ticked,
)
from reftrail.contracts.record import DAY, Millis, Record
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.registry import latest
from reftrail.contracts.topics import (
    ATTRIBUTIONS,
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    FULFILMENTS,
    LISTS,
    MILESTONES,
    REVIEWS,
    REWARD_GRANTED,
    REWARDS,
    TICKS,
    Topic,
)
from reftrail.engine.memory import MemoryHost
from reftrail.lists import Entry as ListEntry
from reftrail.lists import subject_value
from reftrail.testing.policy_scenarios.moments import Moment, beginning
from reftrail.testing.policy_scenarios.script import TAKES, Given, GivenCode, Happening, What

R = TypeVar("R", bound=Record)

_IDS: Final = UUID("5d1c7a56-0d9f-5c52-b6f5-706f6c696379")
_EVENT: Final = latest("Event")
_COMPARED: Final = (ATTRIBUTIONS, REWARDS, REWARD_GRANTED, MILESTONES, DEAD_LETTERS)
_NAMES: Final = {
    "visitor": "visitor_id",
    "user": "user_id",
    "order": "order_id",
    "device": "device_id",
}
"""Fields that the collector knows under another name."""


class CannotHappen(Exception):  # noqa: N818  (it says what is wrong)
    """What a scenario tells can't be; str() says why. field is the one at fault, if any is."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it since `when` began, in the order it came.

    rewards has the last entry about each reward there is, whenever it came.
    """

    attributions: list[Attributed]
    ledger: list[RewardDecided]
    rewards: list[RewardDecided]
    fulfil: list[RewardGranted]
    milestones: list[MilestoneChanged]
    refused: list[DeadLettered]


class Play:
    """An installation in memory on which scenarios happen."""

    def __init__(self, given: Given, campaigns: Sequence[Campaign]) -> None:
        self.first_day = beginning(given.first_day)
        self.now = self.first_day
        self._before = self.first_day
        self._has_begun = False
        self._host = MemoryHost()
        self._codes = KnownCodes(None)
        self._code_records: dict[str, CodeChanged] = {}
        self._hash = pseudonyms(HashKey("scenario", bytes(32)))
        self._made = 0
        self._given: dict[str, int] = {}
        self.campaigns = _versions(campaigns, self.first_day)
        self._publish(CAMPAIGNS, self.campaigns)

    def give(self, code: GivenCode) -> None:
        """A code is there from the beginning."""
        ip_hash, network_hash = self._hash.address(code.owner_ip) if code.owner_ip else (None, None)
        given = CodeChanged(
            **self._common(self.first_day),
            code=code.code,
            campaign_id=code.campaign or self._only_campaign(),
            owner_user_id=code.owner,
            status=code.status.value,
            created_at=self.first_day,
            expires_at=None if code.expires is None else self.time(code.expires),
            max_uses=code.max_uses,
            channels=code.channels,
            regions=code.regions,
            owner_ip_hash=ip_hash,
            owner_network_hash=network_hash,
            owner_device_hash=self._hash.device(code.owner_device) if code.owner_device else None,
            owner_email_hash=self._hash.email(code.owner_email) if code.owner_email else None,
        )
        self._publish(CODES, [self._known(given)])

    def begin(self) -> None:
        """What has happened until now is what was given."""
        self._given = {topic.name: len(self._host.log(topic)) for topic in _COMPARED}

    def happen(self, one: Happening) -> None:
        """One thing happens, and everything that follows. Raises `CannotHappen`."""
        at = self.time(one.at)
        arrives = at if one.arrives is None else self.time(one.arrives)
        if arrives < at:
            raise CannotHappen("it can't arrive before it happens", "arrives")
        if not self._has_begun:
            self.now, self._has_begun = min(self.now, arrives), True
        if arrives < self.now:
            raise CannotHappen(
                "something before it came later: write what happens in the order in which it "
                "arrives, and give what comes late a time at which it arrives",
                "at",
            )
        self._pass(arrives)
        self._before = at
        self._publish(*self._told(one, at, arrives))
        self._host.run()

    def time(self, moment: Moment) -> Millis:
        """When that is; after what happened last, where it is told so."""
        return moment.at(self.first_day, self._before)

    def found(self) -> Found:
        """What came of it."""
        entries = self._log(REWARDS, RewardDecided)
        last = {entry.reward_id: entry for entry in entries}
        return Found(
            attributions=self._since_when(ATTRIBUTIONS, Attributed),
            ledger=self._since_when(REWARDS, RewardDecided),
            rewards=list(last.values()),
            fulfil=self._since_when(REWARD_GRANTED, RewardGranted),
            milestones=self._since_when(MILESTONES, MilestoneChanged),
            refused=self._since_when(DEAD_LETTERS, DeadLettered),
        )

    def _pass(self, until: Millis) -> None:
        """Time passes."""
        while self.now < until:
            self.now = min(self.now + DAY, until)
            tick = Ticked(**self._common(self.now), partition=0, partitions=1)
            self._publish(TICKS, [tick])
            self._host.run()

    def _told(self, one: Happening, at: Millis, arrives: Millis) -> tuple[Topic, list[Record]]:
        """What reaches an installation when something happens, and on which topic."""
        match one.type:
            case What.TIME:
                return TICKS, []
            case What.REVIEW:
                return REVIEWS, [self._review(one, arrives)]
            case What.FULFILMENT:
                return FULFILMENTS, [self._report(one, arrives)]
            case What.BLOCK | What.ALLOW | What.UNLIST:
                return LISTS, [self._listed(one, arrives)]
            case What.CODE:
                return CODES, [self._changed(one, arrives)]
            case _:
                return EVENTS, [self._event(one, at, arrives)]

    def _event(self, one: Happening, at: Millis, arrives: Millis) -> Record:
        told = {name: one.said(name) for name in TAKES[one.type]}
        if one.type in (What.PURCHASE, What.REFUND) and one.amount is not None:
            told["amount"] = money_text(one.amount)
            told["currency"] = one.currency or self._currency()
        if one.type == What.PURCHASE and one.order is None:
            told["order"] = f"order {self._made}"
        submission = {_NAMES.get(name, name): value for name, value in told.items() if value}
        submission |= {
            "type": one.type.value,
            "event_id": self._common(at)["event_id"],
            "event_time": datetime.fromtimestamp(at / 1000, UTC).isoformat(),
        }
        judged = accept(
            [submission],
            Circumstances(Sender(KeyKind.SECRET), arrives, self._hash, self._codes.lookup),
        )
        for rejection in judged.rejected:
            theirs = rejection.pointer.removeprefix("/")
            ours = {name: told for told, name in _NAMES.items()}.get(theirs, theirs)
            raise CannotHappen(f"{ours} {rejection.reason}", ours)
        return decode(encode_datum(_EVENT, judged.accepted[0].datum))

    def _review(self, one: Happening, at: Millis) -> Reviewed:
        reward_id = None if one.role is None else self._reward_id(one)
        assert one.decision is not None
        return Reviewed(
            **self._common(at),
            code=str(one.code),
            user_id=str(one.said("user")),
            reward_id=reward_id,
            decision=one.decision.value,
            reviewer="reviewer",
            reason=one.reason,
            note=one.note,
        )

    def _report(self, one: Happening, at: Millis) -> FulfilmentReported:
        assert one.outcome is not None
        assert one.role is not None
        reward_id = self._reward_id(one)
        granted = next(
            order for order in self._log(REWARDS, RewardDecided) if order.reward_id == reward_id
        )
        return FulfilmentReported(
            **self._common(at),
            code=str(one.code),
            user_id=str(one.said("user")),
            reward_id=reward_id,
            role=one.role.value,
            outcome=one.outcome.value,
            kind=granted.kind,
            attempts=1,
        )

    def _listed(self, one: Happening, at: Millis) -> Listed:
        assert one.subject is not None
        listing = {What.ALLOW: Listing.ALLOW, What.BLOCK: Listing.BLOCK}.get(one.type)
        entry = ListEntry(
            subject=one.subject,
            value=subject_value(one.subject, str(one.value), self._hash),
            listing=listing,
            actor="scenario",
            expires_at=None if one.until is None else self.time(one.until),
            reason=one.reason,
        )
        return entry.record(at)

    def _changed(self, one: Happening, at: Millis) -> CodeChanged:
        known = self._code_records.get(str(one.code))
        if known is None:
            raise CannotHappen(f"there is no code {one.code}; give it", "code")
        changed: dict[str, Any] = dict(self._common(at))
        changed["revision"] = known.revision + 1
        if one.status is not None:
            changed["status"] = one.status.value
        if one.owner is not None:
            changed["owner_user_id"] = one.owner
        return self._known(msgspec.structs.replace(known, **changed))

    def _reward_id(self, one: Happening) -> str:
        user = one.said("user")
        found = [
            entry.reward_id
            for entry in self._log(REWARDS, RewardDecided)
            if (entry.code, entry.user_id, entry.role) == (one.code, user, one.role)
        ]
        if not found:
            raise CannotHappen(f"{user} has no {one.role}'s reward under {one.code} then", "role")
        return found[-1]

    def _known(self, code: CodeChanged) -> CodeChanged:
        """The code, of which the collector knows now."""
        self._code_records[code.code] = code
        self._codes.take(code)
        return code

    def _publish(self, topic: Topic, records: Iterable[Record]) -> None:
        self._host.publish(topic, *records)

    def _log(self, topic: Topic, kind: type[R]) -> list[R]:
        return [record for record in self._host.log(topic) if isinstance(record, kind)]

    def _common(self, at: Millis) -> dict[str, Any]:
        self._made += 1
        event_id = str(uuid5(_IDS, str(self._made)))
        return {"event_id": event_id, "event_time": at, "received_at": max(at, self.now)}

    def _since_when(self, topic: Topic, kind: type[R]) -> list[R]:
        records = self._host.log(topic)[self._given.get(topic.name, 0) :]
        return [record for record in records if isinstance(record, kind)]

    def _only_campaign(self) -> str:
        names = {defined.campaign_id for defined in self.campaigns}
        if len(names) != 1:
            there = ", ".join(sorted(names)) or "none"
            raise CannotHappen(f"say which campaign the code is of; there are {there}", "campaign")
        return names.pop()

    def _currency(self) -> str:
        """That of the campaigns' rewards, unless they are paid in units."""
        found = [defined.reward_currency for defined in self.campaigns]
        return next((currency for currency in found if currency.isupper()), "USD")


def _versions(campaigns: Sequence[Campaign], at: Millis) -> list[CampaignDefined]:
    """The versions that files make when they are applied one after the other on day 1."""
    last: dict[str, CampaignDefined] = {}
    versions = []
    for campaign in campaigns:
        defined = next_version(campaign, last.get(campaign.campaign_id), at).defined
        last[campaign.campaign_id] = defined
        versions.append(defined)
    return versions
