"""Milestones of a referrer: tiers, badges and bonuses, which reversals take away again.

They count the referred users who qualified in a campaign: those with a reward that was granted and
not reversed as a whole, whatever the referrer's side of it is worth.
"""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

import msgspec

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import Milestone, MilestoneKind, policy_in
from reftrail.contracts.record import Derived
from reftrail.contracts.stage_messages import MilestoneChanged
from reftrail.rules.decider import Cause, Reference, metadata


class Reached(msgspec.Struct, frozen=True, array_like=True):
    """A milestone that was reached. holds is False once it is lost."""

    milestone: Milestone
    campaign_version: int
    code: str
    user_id: str
    times: int = 1
    holds: bool = True


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """A referrer's count and milestones in one campaign."""

    campaign_id: str
    grants: int = 0
    reached: tuple[Reached, ...] = ()


class MilestoneState(msgspec.Struct, frozen=True, array_like=True):
    """The state of a referrer, by campaign."""

    campaigns: tuple[Standing, ...] = ()

    def of(self, campaign_id: str) -> Standing:
        """The referrer's state in a campaign."""
        found = (campaign for campaign in self.campaigns if campaign.campaign_id == campaign_id)
        return next(found, Standing(campaign_id))


class Counted(Derived, frozen=True, kw_only=True):
    """A referral counts more or less in a campaign. A state event."""

    campaign_id: str
    by: int


class MilestoneNoted(Derived, frozen=True, kw_only=True):
    """A milestone is reached or lost. A state event."""

    campaign_id: str
    reached: Reached


Event: TypeAlias = Counted | MilestoneNoted | MilestoneChanged


def counts(entry: RewardDecided) -> bool:
    """Whether a ledger entry makes a referral count, or count no longer."""
    return entry.qualifies is not None


class MilestoneDecider:
    """The decider of the milestone stage. Its key is the beneficiary."""

    def decide(
        self, state: MilestoneState, record: RewardDecided, cause: Cause, reference: Reference
    ) -> Sequence[Event]:
        """The milestones that a referrer reaches or loses by a ledger entry."""
        by = record.qualifies
        if not by or record.campaign_id is None or record.beneficiary is None:
            return []
        standing = state.of(record.campaign_id)
        grants = standing.grants + by
        changed = (
            _newly_reached(standing, grants, record, reference)
            if by > 0
            else [_lost(milestone) for milestone in standing.reached if _is_lost(milestone, grants)]
        )
        counted = Counted(
            **metadata(record, cause, "counted"), campaign_id=record.campaign_id, by=by
        )
        notes = [
            MilestoneNoted(
                **metadata(record, cause, f"noted:{milestone.milestone.name}"),
                campaign_id=record.campaign_id,
                reached=milestone,
            )
            for milestone in changed
        ]
        return [counted, *notes, *(_changed(milestone, record, cause) for milestone in changed)]

    def evolve(self, state: MilestoneState, record: Event) -> MilestoneState:
        """The count and the milestones after an event."""
        match record:
            case Counted():
                standing = state.of(record.campaign_id)
                grants = standing.grants + record.by
                return _with(state, msgspec.structs.replace(standing, grants=grants))
            case MilestoneNoted(reached=reached):
                standing = state.of(record.campaign_id)
                name = reached.milestone.name
                others = (
                    milestone for milestone in standing.reached if milestone.milestone.name != name
                )
                now = msgspec.structs.replace(standing, reached=(*others, reached))
                return _with(state, now)
            case MilestoneChanged():
                return state
            case _:
                assert_never(record)


def _newly_reached(
    standing: Standing, grants: int, record: RewardDecided, reference: Reference
) -> list[Reached]:
    """The milestones that are reached, by the campaign's rules at the time of the grant."""
    campaign = reference.campaign(record.campaign_id, record.event_time)
    if campaign is None:
        return []
    known = {reached.milestone.name: reached for reached in standing.reached}
    return [
        Reached(
            milestone,
            campaign.version,
            _code_of(milestone, known.get(milestone.name), record),
            record.user_id,
            times=known[milestone.name].times + 1 if milestone.name in known else 1,
        )
        for milestone in policy_in(campaign.policy).milestones
        if grants >= milestone.grants
        and not (milestone.name in known and known[milestone.name].holds)
    ]


def _code_of(milestone: Milestone, before: Reached | None, record: RewardDecided) -> str:
    """The code of the grant; of a bonus that is reached again, that under which it was before.

    There the reward stage knows whether a review ended it.
    """
    if before is None or milestone.kind != MilestoneKind.BONUS:
        return record.code
    return before.code


def _is_lost(reached: Reached, grants: int) -> bool:
    return reached.holds and grants < reached.milestone.grants


def _lost(reached: Reached) -> Reached:
    return msgspec.structs.replace(reached, holds=False)


def _with(state: MilestoneState, standing: Standing) -> MilestoneState:
    others = (
        campaign for campaign in state.campaigns if campaign.campaign_id != standing.campaign_id
    )
    return MilestoneState((*others, standing))


def _changed(reached: Reached, record: RewardDecided, cause: Cause) -> MilestoneChanged:
    assert record.beneficiary is not None
    assert record.campaign_id is not None
    milestone = reached.milestone
    return MilestoneChanged(
        **metadata(record, cause, f"milestone:{milestone.name}"),
        beneficiary=record.beneficiary,
        campaign_id=record.campaign_id,
        campaign_version=reached.campaign_version,
        code=reached.code,
        user_id=reached.user_id,
        name=milestone.name,
        kind=milestone.kind,
        grants=milestone.grants,
        reached=reached.holds,
        times=reached.times,
        value_micros=milestone.value_micros,
        currency=milestone.currency,
        reward_kind=milestone.reward_kind,
        item=milestone.item,
        decided_at=record.decided_at,
    )
