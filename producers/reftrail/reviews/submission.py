"""A decision as an analyst, or a program, tells it."""

from typing import Annotated, Final, TypeAlias
from uuid import UUID

import uuid_utils
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from reftrail.contracts.life import ReviewDecision, Reviewed
from reftrail.contracts.record import Millis

EXPECTED: Final = {
    "code": "1 to 64 of A-Z, a-z, 0-9, _ and -",
    "user_id": "1 to 128 characters, none of them a control character",
    "reward_id": "the UUID of one reward; without one all of the user's under the code are meant",
    "decision": "one of approve, decline, reverse",
    "reviewer": "1 to 128 characters, none of them a control character",
    "reason": "1 to 64 of a-z, 0-9 and _, such as fraud, chargeback or goodwill",
    "note": "text of at most 2000 characters",
    "event_id": "a UUID; the same one makes a repeated request the same decision",
}
"""Each field in words, for the reasons of rejections."""


def _uuid(text: str) -> str:
    return str(UUID(text))


_Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\p{Cc}]+$")]
_Uuid: TypeAlias = Annotated[str, Field(max_length=36), AfterValidator(_uuid)]


class Review(BaseModel):
    """A decision on the rewards of a user under a code, or on the one with reward_id."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    user_id: _Name
    decision: Annotated[ReviewDecision, Field(strict=False)]
    reviewer: _Name
    reward_id: _Uuid | None = None
    reason: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")] | None = None
    note: Annotated[str, Field(max_length=2000)] | None = None
    event_id: _Uuid | None = None


def reviewed(review: Review, at: Millis) -> Reviewed:
    """The record of a decision that comes in at a time."""
    return Reviewed(
        event_id=review.event_id or str(uuid_utils.uuid7()),
        event_time=at,
        received_at=at,
        code=review.code,
        user_id=review.user_id,
        reward_id=review.reward_id,
        decision=review.decision.value,
        reviewer=review.reviewer,
        reason=review.reason,
        note=review.note,
    )
