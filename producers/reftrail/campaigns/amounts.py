"""Amounts of a policy in whole minor units of their currencies."""

from collections.abc import Iterable
from typing import TypeAlias

from pydantic_core import InitErrorDetails, ValidationError

from reftrail.campaigns.toml_file import Where
from reftrail.campaigns.units import quoted
from reftrail.campaigns.validation import FaultMessage
from reftrail.contracts.money import Money, amount_text, is_whole, whole_amount
from reftrail.contracts.record import Micros

Amount: TypeAlias = tuple[Where, Micros | None, str]
"""Path of an amount in its file, the amount and its currency."""


def check_amounts(amounts: Iterable[Amount]) -> None:
    """Raise a ValidationError with a fault for each that is no whole number of minor units."""
    faults = [
        InitErrorDetails(
            type="value_error",
            loc=where,
            input=micros,
            ctx={"error": FaultMessage(_not_whole(micros, currency))},
        )
        for where, micros, currency in amounts
        if micros is not None and not is_whole(micros, currency)
    ]
    if faults:
        raise ValidationError.from_exception_data("Campaign", faults)


def _not_whole(micros: Micros, currency: str) -> str:
    smallest = Money(1, currency).micros
    below = micros - micros % smallest
    either = (amount_text(amount, currency) for amount in (below, below + smallest))
    return (
        f"{amount_text(micros, currency)} {currency} is not {whole_amount(currency)}; "
        f"write {' or '.join(quoted(text) for text in either)}"
    )
