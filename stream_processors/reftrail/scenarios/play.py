"""A scenario played: everything that happens, as it would reach an installation, in one process.

Time passes by ticks, one each day and one before whatever arrives; a real installation has them
every few seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, TypeVar

import msgspec

from reftrail.campaigns import Campaign, next_version
from reftrail.contracts.decisions import (
    Attributed,
    DeadLettered,
    RewardDecided,
    RewardGranted,
)
from reftrail.contracts.record import DAY, Millis, Record
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.reward_reasons import is_part
from reftrail.contracts.stage_messages import MilestoneChanged
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import (
    ADJUSTMENTS,
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
)
from reftrail.engine.memory import MemoryHost
from reftrail.lists import Subject
from reftrail.scenarios.happening import Happening
from reftrail.scenarios.happening_types import CLIENT_EVENTS, HappeningType
from reftrail.scenarios.moments import Moment, beginning
from reftrail.scenarios.records import Records
from reftrail.scenarios.rejections import CannotHappen, NotAccepted, RejectedEvent
from reftrail.scenarios.script import Given, GivenCode, GivenFormat

R = TypeVar("R", bound=Record)

_COMPARED: Final = (ATTRIBUTIONS, REWARDS, REWARD_GRANTED, MILESTONES, DEAD_LETTERS)


@dataclass(frozen=True, slots=True)
class PlayResult:
    """The records since `when` began, in the order in which they came.

    rewards has the last state of each reward, whenever that was decided, worth what is left.
    """

    attributions: list[Attributed]
    ledger: list[RewardDecided]
    rewards: list[RewardDecided]
    fulfil: list[RewardGranted]
    milestones: list[MilestoneChanged]
    refused: list[DeadLettered]
    rejected: list[RejectedEvent]


class Play:
    """An installation in memory on which a scenario happens."""

    def __init__(self, given: Given, campaigns: Sequence[Campaign]) -> None:
        self.first_day = beginning(given.first_day)
        self._now = self.first_day
        self._before = self.first_day
        self._has_begun = False
        self._given: dict[str, int] = {}
        self._rejected: list[RejectedEvent] = []
        self._registrations: list[tuple[Millis, GivenCode, Millis | None]] = []
        self._host = MemoryHost()
        versions = _versions(campaigns, self.first_day)
        self._host.publish(CAMPAIGNS, *versions)
        self._records = Records(versions)
        self.spelt, self.named = self._records.spelt, self._records.named

    def define(self, given: GivenFormat) -> None:
        """A format of derived codes is there from the beginning. Raises `CannotHappen`."""
        self._records.given_format(given, self.first_day)

    def give(self, code: GivenCode) -> None:
        """A code is there from when it is registered. Raises `CannotHappen` or `ExpectedError`."""
        expires_at = None if code.expires is None else self.time(code.expires)
        if code.registered is None:
            self._register(code, self.first_day, expires_at)
        else:
            self._registrations.append((self.time(code.registered), code, expires_at))
            self._registrations.sort(key=itemgetter(0))

    def begin(self) -> None:
        """Take all that has happened until now as given."""
        self._given = {topic.name: len(self._host.log(topic)) for topic in _COMPARED}

    def happen(self, happening: Happening) -> None:
        """One thing happens, and what follows. Raises `CannotHappen` or `ExpectedError`.

        An event that the collector rejects is found afterwards; what is given it must accept.
        """
        if happening.code is not None:
            happening = happening.model_copy(update={"code": self.spelt(happening.code)})
        if happening.subject == Subject.CODE:
            happening = happening.model_copy(update={"value": self.spelt(str(happening.value))})
        at = self.time(happening.at)
        arrives = at if happening.arrives is None else self.time(happening.arrives)
        if arrives < at and happening.type not in CLIENT_EVENTS:
            raise CannotHappen("it can't arrive before it happens", "arrives")
        if not self._has_begun:
            self._now, self._has_begun = min(self._now, arrives), True
        if arrives < self._now:
            raise CannotHappen(
                "something before it came later: write what happens in the order in which it "
                "arrives, and give what comes late a time at which it arrives",
                "at",
            )
        while self._registrations and self._registrations[0][0] <= arrives:
            registered_at, code, expires_at = self._registrations.pop(0)
            self._pass(registered_at)
            self._register(code, registered_at, expires_at)
        self._pass(arrives)
        self._before = at
        try:
            self._host.publish(*self._arriving(happening, at, arrives))
        except NotAccepted as error:
            if not self._given:
                raise
            self._rejected.append(error.rejected)
        self._host.run()

    def time(self, moment: Moment) -> Millis:
        """The time of a happening; after the one before it, where the file says so."""
        return moment.at(self.first_day, self._before)

    def found(self) -> PlayResult:
        """The records that followed."""
        return PlayResult(
            attributions=self._since_when(ATTRIBUTIONS, Attributed),
            ledger=self._since_when(REWARDS, RewardDecided),
            rewards=_standing(self._entries()),
            fulfil=self._since_when(REWARD_GRANTED, RewardGranted),
            milestones=self._since_when(MILESTONES, MilestoneChanged),
            refused=self._since_when(DEAD_LETTERS, DeadLettered),
            rejected=self._rejected,
        )

    def _register(self, code: GivenCode, at: Millis, expires_at: Millis | None) -> None:
        self._host.publish(CODES, self._records.given_code(code, at, expires_at))

    def _pass(self, until: Millis) -> None:
        """Time passes."""
        while self._now < until:
            self._now = min(self._now + DAY, until)
            self._host.publish(TICKS, self._records.tick(self._now))
            self._host.run()

    def _arriving(  # noqa: PLR0911 - a table
        self, happening: Happening, at: Millis, arrives: Millis
    ) -> tuple[Topic, Record]:
        """The record that a happening puts on a topic, and the topic."""
        make = self._records
        match happening.type:
            case HappeningType.TIME:
                return TICKS, make.tick(arrives)
            case HappeningType.REVIEW:
                reward = None if happening.role is None else self._reward(happening)
                return REVIEWS, make.review(happening, arrives, reward)
            case HappeningType.ADJUSTMENT:
                reward = None if happening.action is None else self._reward(happening)
                return ADJUSTMENTS, make.adjustment(happening, arrives, reward)
            case HappeningType.ADJUSTMENT_DECISION:
                return ADJUSTMENTS, make.adjustment_decision(happening, arrives)
            case HappeningType.FULFILMENT:
                return FULFILMENTS, make.report(happening, at, arrives, self._reward(happening))
            case HappeningType.BLOCK | HappeningType.ALLOW | HappeningType.UNLIST:
                until = None if happening.until is None else self.time(happening.until)
                return LISTS, make.listed(happening, arrives, until)
            case HappeningType.CODE:
                return CODES, make.changed_code(happening, arrives)
            case _:
                sent_at = None if happening.sent_at is None else self.time(happening.sent_at)
                return EVENTS, make.event(happening, at, sent_at, arrives)

    def _reward(self, happening: Happening) -> RewardDecided:
        """The last entry about the reward that somebody means."""
        user = happening.said("user")
        meant = [
            entry
            for entry in self._entries()
            if (entry.code, entry.user_id, entry.role) == (happening.code, user, happening.role)
            and happening.action in (None, entry.action)
        ]
        if not meant:
            what = f"{happening.role}'s reward" + (
                f" for {happening.action}" if happening.action else ""
            )
            raise CannotHappen(f"{user} has no {what} under {happening.code} then", "role")
        return meant[-1]

    def _entries(self) -> list[RewardDecided]:
        return [record for record in self._host.log(REWARDS) if isinstance(record, RewardDecided)]

    def _since_when(self, topic: Topic, kind: type[R]) -> list[R]:
        records = self._host.log(topic)[self._given.get(topic.name, 0) :]
        return [record for record in records if isinstance(record, kind)]


def _standing(entries: Iterable[RewardDecided]) -> list[RewardDecided]:
    """The last state of each reward, without what refunds took back in part."""
    last: dict[str, RewardDecided] = {}
    for entry in entries:
        before = last.get(entry.reward_id)
        if before is not None and is_part(entry):
            left = before.value_micros - entry.value_micros
            last[entry.reward_id] = msgspec.structs.replace(before, value_micros=left)
        else:
            last[entry.reward_id] = entry
    return list(last.values())


def _versions(campaigns: Sequence[Campaign], at: Millis) -> list[CampaignDefined]:
    """The versions that files make when they are applied one after the other on day 1."""
    last: dict[str, CampaignDefined] = {}
    versions = []
    for campaign in campaigns:
        defined = next_version(campaign, last.get(campaign.campaign_id), at).defined
        last[campaign.campaign_id] = defined
        versions.append(defined)
    return versions
