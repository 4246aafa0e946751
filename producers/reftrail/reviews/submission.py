"""Decisions as an analyst, or a program, sends them, and the records that they become."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

import uuid_utils
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.external_inputs import ReviewDecision, Reviewed
from reftrail.contracts.names import NAME_SAYS
from reftrail.contracts.record import Millis
from reftrail.edge.model_fields import Code, Name, Note, ReasonWord, Uuid, noted, read_items
from reftrail.edge.rejections import Rejection

EXPECTED: Final = {
    "code": "1 to 64 of A-Z, a-z, 0-9, _ and -",
    "user_id": NAME_SAYS,
    "decision": f"one of {', '.join(ReviewDecision)}",
    "reviewer": f"{NAME_SAYS}; it is kept in the note, since the reviewer is the key's name",
    "reward_id": "the UUID of one reward; without one all of the user's under the code are meant",
    "reason": (
        "1 to 64 of a-z, 0-9 and _, such as fraud, chargeback, false_positive, dispute_won or "
        "goodwill; a reinstatement needs one"
    ),
    "note": "text of at most 2000 characters",
    "event_id": "a UUID; the same one makes a repeated request the same decision",
}
"""Each field in words, for the reasons of rejections."""


class Review(BaseModel):
    """A decision on the rewards of a user under a code, or on the one with reward_id."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    code: Code
    user_id: Name
    decision: Annotated[ReviewDecision, Field(strict=False)]
    reviewer: Name | None = None
    reward_id: Uuid | None = None
    reason: ReasonWord | None = Field(default=None, validate_default=True)
    note: Note | None = None
    event_id: Uuid | None = None

    @field_validator("reason")
    @classmethod
    def _is_reasoned(cls, reason: str | None, info: ValidationInfo) -> str | None:
        """Refuse a reinstatement that gives no reason."""
        if reason is None and info.data.get("decision") == ReviewDecision.REINSTATE:
            raise ValueError("a reinstatement needs a reason")
        return reason


def judged(
    items: Iterable[Any], at: Millis, by: str, spelling: Callable[[str], str] = spelled
) -> tuple[list[Reviewed], list[Rejection]]:
    """The records of the decisions that are well formed, and why the others aren't taken.

    by is who decides: the name of the key, or of a command's user. spelling gives the registered
    spelling of a code.
    """

    def record(item: Any) -> Reviewed:
        review = Review.model_validate(item)
        return reviewed(review.model_copy(update={"code": spelling(review.code)}), at, by)

    return read_items(items, record, EXPECTED, "a review")


def reviewed(review: Review, at: Millis, by: str) -> Reviewed:
    """The record of a decision that comes in at a time, made by somebody."""
    return Reviewed(
        event_id=review.event_id or str(uuid_utils.uuid7()),
        event_time=at,
        received_at=at,
        code=review.code,
        user_id=review.user_id,
        reward_id=review.reward_id,
        decision=review.decision.value,
        reviewer=by,
        reason=review.reason,
        note=noted(review.reviewer, by, review.note),
    )
