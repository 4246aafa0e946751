"""Users with made-up rewards, codes and milestones, each by chance: nothing holds but the types."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

import msgspec

from reftrail.contracts.decisions import Attributed, RewardDecided, RewardStatus
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.policy import Milestone, MilestoneKind
from reftrail.contracts.record import DAY
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.stage_messages import MilestoneChanged
from support.programme import T0, attributed, code, entry, milestone

CAMPAIGNS_KNOWN: Final = ("spring", "autumn")
STEPS: Final = (
    Milestone(name="bronze", kind=MilestoneKind.TIER, grants=2),
    Milestone(name="silver", kind=MilestoneKind.TIER, grants=3),
    Milestone(name="starter", kind=MilestoneKind.BADGE, grants=1),
)
"""The milestones of spring."""


One = TypeVar("One")


@dataclass(frozen=True)
class Town:
    """Two users, amy and bob, three codes, and all that came about them, in the order it came in.

    Of entries under one id the one received first counts.
    """

    users: tuple[str, str]
    codes: tuple[str, ...]
    ledger: Sequence[RewardDecided]
    changes: Sequence[CodeChanged]
    decisions: Sequence[Attributed]
    milestones: Sequence[MilestoneChanged]
    reports: Sequence[FulfilmentReported]


def town(chance: Random, number: int) -> Town:
    """A town whose names have its number in them."""
    users = (f"amy{number}", f"bob{number}")
    codes = tuple(f"{name}{number}" for name in "ABC")
    rewards = [_reward(chance, f"r{number}-{nth}", nth, users, codes) for nth in range(7)]
    ledger = [entry for reward in rewards for entry in reward]
    return Town(
        users=users,
        codes=codes,
        ledger=_shuffled(chance, ledger),
        changes=_shuffled(chance, _changes(chance, users, codes)),
        decisions=_shuffled(chance, _decisions(chance, number, codes)),
        milestones=_milestones(chance, number, users),
        reports=_reports(chance, ledger),
    )


_OF_REWARDS = tuple(status for status in RewardStatus if status != RewardStatus.ADJUSTED)
"""An adjustment by hand has a reward_id of its own, which no reward has."""


def _shuffled(chance: Random, found: list[One]) -> list[One]:
    return chance.sample(found, len(found))


def _reward(
    chance: Random, reward: str, number: int, users: tuple[str, str], codes: tuple[str, ...]
) -> list[RewardDecided]:
    """Its entries, of which some came again with something else in them."""
    found = []
    for _ in range(chance.randrange(5)):
        one = entry(
            reward,
            codes[number % 2],
            f"u{chance.randrange(3)}",
            value=chance.randrange(1, 10**9),
            status=chance.choice(["held", "granted", *_OF_REWARDS]),
            beneficiary=(users[0], users[0], users[1], None)[number % 4],
            role=("referrer", "referrer", "referee")[number % 3],
            currency=("USD", "EUR")[number % 2],
            kind=("credit", "shipment")[number // 4],
            campaign_id=chance.choice([*CAMPAIGNS_KNOWN, None]),
            cause_offset=chance.randrange(20),
            event_time=T0 + chance.randrange(20),
            reasons=chance.sample(["partly_refunded", "tried_again", "ring"], chance.randrange(3)),
        )
        found.append(one)
        if chance.random() < 0.3:
            later = {"received_at": one.received_at + 1, "value_micros": one.value_micros + 1}
            found.append(msgspec.structs.replace(one, **later))
    return found


def _changes(chance: Random, users: tuple[str, str], codes: tuple[str, ...]) -> list[CodeChanged]:
    return [
        code(
            name,
            chance.choice(CAMPAIGNS_KNOWN),
            owner_user_id=chance.choice([*users, None]),
            status=chance.choice(["active", "revoked"]),
            created_at=T0 + chance.randrange(20),
            expires_at=chance.choice([None, T0 + DAY]),
            max_uses=chance.choice([None, 3]),
            revision=revision,
        )
        for name in codes
        for revision in range(chance.randrange(4))
    ]


def _decisions(chance: Random, number: int, codes: tuple[str, ...]) -> list[Attributed]:
    found: list[Attributed] = []
    for _ in range(chance.randrange(7)):
        user = f"u{number}-{chance.randrange(3)}"
        corrects = chance.choice(
            [None, *(attribution.event_id for attribution in found if attribution.user_id == user)]
        )
        decisive = corrects is not None or chance.random() < 0.7
        name = chance.choice(codes)
        found.append(attributed(user, name, decisive=decisive, corrects=corrects))
    return found


def _milestones(chance: Random, number: int, users: tuple[str, str]) -> list[MilestoneChanged]:
    steps = [chance.choice(STEPS) for _ in range(chance.randrange(9))]
    return [
        milestone(
            step.name,
            step.kind,
            offset,
            event_id=f"m{number}-{9 - offset}",
            grants=step.grants,
            beneficiary=chance.choice(users),
            reached=chance.random() < 0.7,
        )
        for offset, step in enumerate(steps)
    ]


def _reports(chance: Random, ledger: Sequence[RewardDecided]) -> list[FulfilmentReported]:
    shipped = sorted(
        {(entry.reward_id, entry.code) for entry in ledger if entry.kind == "shipment"}
    )
    return [
        FulfilmentReported(
            event_id=f"f-{reward}-{outcome}",
            event_time=T0 + chance.randrange(9),
            received_at=T0,
            code=name,
            user_id="u0",
            reward_id=reward,
            role="referrer",
            outcome=outcome,
            kind="shipment",
            attempts=1,
            carrier=chance.choice(["owl", "crow", None]),
        )
        for reward, name in shipped
        for outcome in ("delivered", "failed")
        if chance.random() < 0.6
    ]
