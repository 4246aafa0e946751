"""Decisions as an analyst, or a program, tells them, and the records that they become."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import uuid_utils
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from reftrail.contracts.code_spelling import CODE_PATTERN, spelled
from reftrail.contracts.external_inputs import ReviewDecision, Reviewed
from reftrail.contracts.record import Millis
from reftrail.edge.rejections import Rejection

EXPECTED: Final = {
    "code": "1 to 64 of A-Z, a-z, 0-9, _ and -",
    "user_id": "1 to 128 characters, none of them a control character",
    "decision": f"one of {', '.join(ReviewDecision)}",
    "reviewer": "1 to 128 characters, none of them a control character",
    "reward_id": "the UUID of one reward; without one all of the user's under the code are meant",
    "reason": "1 to 64 of a-z, 0-9 and _, such as fraud, chargeback or goodwill",
    "note": "text of at most 2000 characters",
    "event_id": "a UUID; the same one makes a repeated request the same decision",
}
"""Each field in words, for the reasons of rejections."""

_LONGEST_NAME: Final = 100


def _uuid(text: str) -> str:
    return str(UUID(text))


_Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\p{Cc}]+$")]
_Uuid: TypeAlias = Annotated[str, Field(max_length=36), AfterValidator(_uuid)]


class Review(BaseModel):
    """A decision on the rewards of a user under a code, or on the one with reward_id."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    code: Annotated[str, AfterValidator(spelled), Field(pattern=CODE_PATTERN)]
    user_id: _Name
    decision: Annotated[ReviewDecision, Field(strict=False)]
    reviewer: _Name
    reward_id: _Uuid | None = None
    reason: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")] | None = None
    note: Annotated[str, Field(max_length=2000)] | None = None
    event_id: _Uuid | None = None


def judged(
    items: Iterable[Any], at: Millis, spelling: Callable[[str], str] = spelled
) -> tuple[list[Reviewed], list[Rejection]]:
    """The records of the decisions that are well formed, and why the others aren't taken.

    spelling gives the registered spelling of a code.
    """
    taken: list[Reviewed] = []
    rejected: list[Rejection] = []
    for index, item in enumerate(items):
        try:
            review = Review.model_validate(item)
            spelt = review.model_copy(update={"code": spelling(review.code)})
            taken.append(reviewed(spelt, at))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False)[0]
            rejected.append(Rejection(index, *_explained(fault)))
    return taken, rejected


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


def _explained(fault: ErrorDetails) -> tuple[str, str]:
    """Pointer and reason for a fault."""
    if not fault["loc"]:
        return "", f"is not an object; expected the fields {', '.join(EXPECTED)}"
    field = str(fault["loc"][0])
    pointer = "/" + field[:_LONGEST_NAME].replace("~", "~0").replace("/", "~1")
    if fault["type"] == "extra_forbidden":
        close = get_close_matches(field[:_LONGEST_NAME].lower(), EXPECTED, n=1)
        known = f"did you mean {close[0]}?" if close else f"there are {', '.join(EXPECTED)}"
        return pointer, f"is not a field of a review; {known}"
    what = "is missing" if fault["type"] == "missing" or fault["input"] is None else "is wrong"
    return pointer, f"{what}; expected {EXPECTED[field]}"
