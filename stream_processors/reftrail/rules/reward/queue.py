"""Queue of a referral: claims, milestones, voidings and reviews that wait."""

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.record import Micros, Millis
from reftrail.contracts.stage_messages import MilestoneChanged, ReferralVoided
from reftrail.rules.fraud.case import SignalSeen
from reftrail.rules.merged_claims import is_after_merge
from reftrail.rules.reward.case import RewardCase


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """The record that is decided on, and its offset in its partition."""

    event_id: str
    offset: int


class Reinstatement(msgspec.Struct, frozen=True, array_like=True):
    """A review that reinstates the sides of an action with these roles."""

    review: Reviewed
    action: str
    roles: tuple[str, ...]


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """An item of the queue, with its offset and the answers to its checks.

    That is a claim, a milestone, a voiding, a reinstatement, or a review of what waits to be
    reinstated.

    names are the ids of the rewards for which a review waits. is_begun: it was carried out for
    others before.

    is_again: its order was decided on before, and earned nothing since the user earned enough.
    Now it waits for a turn that came free at since (`purchases.take_turn`).
    """

    offset: int
    claim: Claimed | None = None
    milestone: MilestoneChanged | None = None
    seen: tuple[SignalSeen, ...] = ()
    is_again: bool = False
    since: Millis = 0
    voided: ReferralVoided | None = None
    reinstatement: Reinstatement | None = None
    review: Reviewed | None = None
    names: tuple[str, ...] = ()
    is_begun: bool = False

    @property
    def is_after_merge(self) -> bool:
        """Whether it is a claim that follows the end of a merged user's referral."""
        return self.claim is not None and is_after_merge(self.claim)

    @property
    def event_id(self) -> str:
        """The event_id of what waits; of a review it has the action added to it."""
        asked = self.reinstatement
        its_id = self.record.event_id
        return its_id if asked is None else f"{its_id} {asked.action}"

    @property
    def record(self) -> Claimed | MilestoneChanged | ReferralVoided | Reviewed:
        """The claim, milestone, voiding or review that waits."""
        review = self.review if self.reinstatement is None else self.reinstatement.review
        waiting = self.claim or self.milestone or self.voided or review
        assert waiting is not None
        return waiting

    @property
    def origin(self) -> Origin:
        """The cause of what follows from it."""
        return Origin(self.record.event_id, self.offset)


class AssessedReward(msgspec.Struct, frozen=True, array_like=True):
    """An assessed action, before or after its reservations under shared limits are reserved.

    case is None while an order asks for the reservation that lets it count. asked are the
    reservations to reserve. The amount is that of the order, for the code's baseline; None keeps it
    out. threshold is the count that the reward needs, if it rests on one. number is that of the
    referral (`reward.sides`). waiting is the claim that it is about, origin is set while it asks.
    seen are the answers to the checks of the claim.
    """

    case: RewardCase | None = None
    asked: tuple[str, ...] = ()
    amount_micros: Micros | None = None
    amount_currency: str | None = None
    threshold: Micros = 0
    waiting: Waiting | None = None
    origin: Origin | None = None
    number: int = 0
    seen: tuple[SignalSeen, ...] = ()

    @property
    def claim_id(self) -> str:
        """The event_id of the claim, milestone or reinstatement that it is about."""
        is_reinstated = self.waiting is not None and self.waiting.reinstatement is not None
        if self.case is not None and not is_reinstated:
            return self.case.claim_id
        assert self.waiting is not None
        return self.waiting.event_id

    @property
    def order_id(self) -> str | None:
        """The order that it is about, if it is about one."""
        if self.case is not None:
            return self.case.order_id
        claim = self.waiting.claim if self.waiting is not None else None
        return None if claim is None else claim.order_id


class WaitingCell(msgspec.Struct, frozen=True, array_like=True):
    """A claim or milestone in the queue, its unanswered checks, and the event_id of the next."""

    waiting: Waiting | None = None
    unanswered: tuple[str, ...] = ()
    next_id: str = ""
