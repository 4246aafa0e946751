"""Answers of the service of codes about a text that is taken for a code."""

from dataclasses import dataclass, field
from enum import StrEnum

from reftrail.codes.model import Code


class Answer(StrEnum):
    """Answer about a text that is taken for a code."""

    UNKNOWN = "unknown"
    MALFORMED = "malformed"
    MISTYPED = "mistyped"
    FORGED = "forged"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    USED_UP = "used_up"
    WRONG_CHANNEL = "wrong_channel"
    WRONG_REGION = "wrong_region"
    VALID = "valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The answer, in words too, and what follows for the caller.

    code is the canonical spelling, where the text is that of a code. For a malformed text position
    counts the characters typed, from 1, and expected says what should be there. registered is
    the code's row; a derived code that nobody has touched has none, but a sequence.
    """

    answer: Answer
    message: str
    code: str | None = None
    campaign_id: str | None = None
    position: int | None = None
    expected: str | None = None
    suggestion: str | None = None
    sequence: int | None = None
    registered: Code | None = field(default=None, repr=False)

    @property
    def is_valid(self) -> bool:
        """The part of the answer that a publishable key gets."""
        return self.answer == Answer.VALID
