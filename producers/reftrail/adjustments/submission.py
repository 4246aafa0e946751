"""Adjustments as an operator, or a program, sends them, and the records that they become."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from reftrail.contracts.adjustments import Adjusted, AdjustmentDecided, AdjustmentDecision
from reftrail.contracts.code_spelling import spelled
from reftrail.contracts.money import is_whole, minor_places
from reftrail.contracts.names import NAME_SAYS
from reftrail.contracts.record import Micros, Millis
from reftrail.contracts.reward_reasons import Reason
from reftrail.edge.field_formats import parse_amount
from reftrail.edge.model_fields import Code, Name, Note, ReasonWord, Uuid, noted, read_items
from reftrail.edge.rejections import Rejection
from reftrail.rules.decider import derived_id

_LONGEST_UNIT: Final = 32

_EXPECTED_OF_BOTH: Final = {
    "adjustment_id": f"{NAME_SAYS}; the same one makes a repeated request the same adjustment",
    "code": "1 to 64 of A-Z, a-z, 0-9, _ and -",
    "user_id": NAME_SAYS,
    "actor": f"{NAME_SAYS}; it is kept in the note, since the actor is the key's name",
    "note": "text of at most 2000 characters",
}
EXPECTED: Final = _EXPECTED_OF_BOTH | {
    "reward_id": "the UUID of the reward that it is about, whose beneficiary then gets it",
    "role": "referrer or referee: who gets it; only with a reward_id it may be left out",
    "currency": "a code of ISO 4217 such as EUR, or the name of a unit in lower case: points",
    "amount": (
        'a decimal in a string, with a minus sign for a debit, such as "-5.00": not 0, and a whole '
        "number of the currency's minor units"
    ),
    "kind": "1 to 64 of a-z, 0-9 and _, such as credit or cash",
    "reason": (
        "1 to 64 of a-z, 0-9 and _, such as goodwill, error or lost_tracking, but no word that "
        "the ledger has for its own reasons"
    ),
    "order_id": f"{NAME_SAYS}: the order that it is about",
}
"""Each field of an adjustment in words, for the reasons of rejections."""

EXPECTED_OF_DECISION: Final = _EXPECTED_OF_BOTH | {
    "decision": f"one of {', '.join(AdjustmentDecision)}"
}
"""The same for a decision about an adjustment."""


def _signed_amount(text: object) -> Micros:
    """Micros of a decimal that isn't 0. Raises ValueError."""
    is_debit = isinstance(text, str) and text.startswith("-")
    micros = parse_amount(text[1:] if isinstance(text, str) and is_debit else text)
    if micros == 0:
        raise ValueError("nothing")
    return -micros if is_debit else micros


_Amount: TypeAlias = Annotated[Micros, BeforeValidator(_signed_amount, json_schema_input_type=str)]
_Role: TypeAlias = Literal["referrer", "referee"]


class Adjustment(BaseModel):
    """A credit or debit of one side of a referral, or of the beneficiary of one of its rewards."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    adjustment_id: Name
    code: Code
    user_id: Name
    reward_id: Uuid | None = None  # before the role, which may be left out with it
    role: _Role | None = Field(default=None, validate_default=True)
    currency: Annotated[str, Field(min_length=1, max_length=_LONGEST_UNIT)]
    amount: _Amount
    kind: ReasonWord | None = None
    reason: ReasonWord
    note: Note | None = None
    actor: Name | None = None
    order_id: Name | None = None

    @field_validator("role")
    @classmethod
    def _says_who_gets_it(cls, role: str | None, info: ValidationInfo) -> str | None:
        if role is None and info.data.get("reward_id") is None:
            raise ValueError("nobody")
        return role

    @field_validator("currency")
    @classmethod
    def _is_known(cls, currency: str) -> str:
        minor_places(currency)
        return currency

    @field_validator("amount")
    @classmethod
    def _is_in_minor_units(cls, amount: Micros, info: ValidationInfo) -> Micros:
        currency = info.data.get("currency")
        if currency is not None and not is_whole(amount, currency):
            raise ValueError("too many places")
        return amount

    @field_validator("reason")
    @classmethod
    def _is_not_the_ledgers(cls, reason: str) -> str:
        if reason in set(Reason):
            raise ValueError("a word of the ledger's own")
        return reason

    def spelt(self, spelling: Callable[[str], str]) -> Self:
        """The same with the registered spelling of its code."""
        return self.model_copy(update={"code": spelling(self.code)})

    def record(self, at: Millis, by: str) -> Adjusted:
        """The record of it, sent by somebody at a time. Its event_id follows from its content."""
        content = _content(self, by)
        words = [f"{name}={value}" for name, value in sorted(content.items()) if value is not None]
        return Adjusted(
            event_id=derived_id("adjusted", *words),
            event_time=at,
            received_at=at,
            value_micros=content.pop("amount"),
            **content,
        )


class Decision(BaseModel):
    """A second person approves or declines an adjustment, or a failed delivery is tried again."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    adjustment_id: Name
    code: Code
    user_id: Name
    decision: Annotated[AdjustmentDecision, Field(strict=False)]
    actor: Name | None = None
    note: Note | None = None

    def spelt(self, spelling: Callable[[str], str]) -> Self:
        """The same with the registered spelling of its code."""
        return self.model_copy(update={"code": spelling(self.code)})

    def record(self, at: Millis, by: str) -> AdjustmentDecided:
        """The record of it, sent by somebody at a time. Its event_id follows from its content.

        A delivery may fail several times, so the id of another try has the time too.
        """
        content = _content(self, by)
        words = [f"{name}={value}" for name, value in sorted(content.items()) if value is not None]
        if self.decision == AdjustmentDecision.RETRY:
            words.append(f"at={at}")
        event_id = derived_id("adjustment decided", *words)
        return AdjustmentDecided(event_id=event_id, event_time=at, received_at=at, **content)


def _content(given: Adjustment | Decision, by: str) -> dict[str, Any]:
    """The fields of a record; the actor is whose key or command it is."""
    content = given.model_dump(mode="json")
    return content | {"actor": by, "note": noted(given.actor, by, given.note)}


def adjustments(
    items: Iterable[Any], at: Millis, by: str, spelling: Callable[[str], str] = spelled
) -> tuple[list[Adjusted], list[Rejection]]:
    """The records of the adjustments that are well formed, and why the others aren't taken."""
    return read_items(
        items,
        lambda item: Adjustment.model_validate(item).spelt(spelling).record(at, by),
        EXPECTED,
        "an adjustment",
    )


def decisions(
    items: Iterable[Any], at: Millis, by: str, spelling: Callable[[str], str] = spelled
) -> tuple[list[AdjustmentDecided], list[Rejection]]:
    """The records of the decisions that are well formed, and why the others aren't taken."""
    return read_items(
        items,
        lambda item: Decision.model_validate(item).spelt(spelling).record(at, by),
        EXPECTED_OF_DECISION,
        "a decision",
    )
