"""Comparison of the expected with the found records, and the difference in words."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from pydantic import BaseModel

from reftrail.contracts.decisions import Attributed, DeadLettered, RewardDecided, RewardGranted
from reftrail.contracts.money import amount_text
from reftrail.contracts.record import Millis
from reftrail.contracts.stage_messages import MilestoneChanged
from reftrail.scenarios.expectations import Bounds, Then
from reftrail.scenarios.moments import Moment, day_text
from reftrail.scenarios.play import Play
from reftrail.scenarios.rejections import RejectedEvent


@dataclass(frozen=True, slots=True)
class UnmetExpectation:
    """A part of what was expected that isn't so: what differs, and all that was found instead."""

    part: str
    lines: tuple[str, ...]
    found: tuple[str, ...]


class Comparison:
    """Compares what a play came to with what was expected; times are given in its days."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._found = play.found()

    def differences(self, then: Then) -> list[UnmetExpectation]:
        """Every part that isn't as expected."""
        found = []
        for part in type(then).model_fields:
            expected = getattr(then, part)
            if expected is None and part == "rejected":
                expected = []
            if expected is not None:
                lines = tuple(self._compared(part, expected, getattr(self._found, part)))
                if lines:
                    found.append(UnmetExpectation(part, lines, self.in_words(part)))
        return found

    def in_words(self, part: str) -> tuple[str, ...]:
        """The records found in a part, a line each."""
        return tuple(map(self._line, getattr(self._found, part)))

    def _compared(self, part: str, expected: Sequence[Any], found: Sequence[Any]) -> Iterator[str]:
        if len(expected) != len(found):
            yield f"expected {len(expected)}, found {len(found)}"
        in_order = self._paired(expected, found) if part == "rewards" else found
        for number, (wanted_record, its) in enumerate(zip_longest(expected, in_order), 1):
            if its is None:
                yield f"{number}. there is none such: {self._described(wanted_record)}"
            elif wanted_record is not None:
                for name, wanted, has in self._mismatches(wanted_record, its):
                    yield f"{number}. {name}: expected {wanted}, found {has}"

    def _paired(self, expected: Sequence[Any], found: Sequence[Any]) -> list[Any]:
        """The found ones in the order of the expected ones that they fit best."""
        left, paired = list(found), []
        for wanted in expected:
            best = min(left, key=lambda its: len(list(self._mismatches(wanted, its))), default=None)
            if best is not None:
                left.remove(best)
            paired.append(best)
        return paired + left

    def _mismatches(self, expected: BaseModel, found: Any) -> Iterator[tuple[str, str, str]]:
        for name in type(expected).model_fields:
            wanted = getattr(expected, name)
            if wanted is not None:
                has = _GETS[name](found)
                if not self._fits(name, wanted, has):
                    currency = getattr(found, "currency", None)
                    yield (
                        name,
                        self._said(name, wanted, currency),
                        self._said(name, has, currency),
                    )

    def _fits(self, name: str, wanted: object, has: Any) -> bool:
        match wanted:
            case str() if name == "code":
                return bool(has == self._play.spelt(wanted))
            case str() if name in ("detail", "reason"):
                return wanted in has
            case Bounds(at_least=least, at_most=most):
                return has is not None and least <= has and (most is None or has <= most)
            case Moment():
                return bool(has == self._play.time(wanted))
            case list():
                return sorted(wanted) == sorted(has)
            case _:
                return bool(wanted == has)

    def _said(self, name: str, value: Any, currency: str | None) -> str:
        if isinstance(value, Moment):
            return self._day(self._play.time(value))
        if name == "code" and value is not None:
            return self._play.named(value)
        return (
            self._day(value)
            if name in ("at", "due") and value is not None
            else _said(name, value, currency)
        )

    def _described(self, expected: BaseModel) -> str:
        fields = {name: getattr(expected, name) for name in type(expected).model_fields}
        return ", ".join(
            f"{name} {self._said(name, value, fields.get('currency'))}"
            for name, value in fields.items()
            if value is not None
        )

    def _day(self, at: Millis) -> str:
        return day_text(at - self._play.first_day)

    def _line(self, record: Any) -> str:
        match record:
            case Attributed():
                late = "" if record.decisive else ", too late to count"
                code = self._play.named(record.code)
                return f"{record.user_id} by {code} ({record.basis}{late}{_arm(record)})"
            case RewardDecided():
                why = f", {' '.join(record.reasons)}" if record.reasons else ""
                score = "" if record.score is None else f", score {record.score}"
                due = "" if record.due_at is None else f", due {self._day(record.due_at)}"
                rest = f"{why}{score}{due}{_arm(record)}"
                return f"{self._day(record.event_time)}  {_reward(record)}{rest}"
            case RewardGranted():
                return f"{self._day(record.event_time)}  {_reward(record)}"
            case MilestoneChanged():
                return f"{record.beneficiary} {record.name}" + ("" if record.reached else ", lost")
            case DeadLettered():
                return f"{record.stage}: {record.reason}: {record.detail}"
            case RejectedEvent():
                what = f"{record.field or 'the event'} {record.reason}"
                return f"{self._day(record.event_time)}  {record.type}: {what}"
        raise TypeError(f"nobody expects a {type(record).__name__}")


def _said(name: str, value: Any, currency: str | None) -> str:
    match value:
        case None | []:
            return "none"
        case Bounds(at_least=least, at_most=most) if least == most:
            return str(least)
        case Bounds(at_least=least, at_most=most):
            return f"at least {least}" + ("" if most is None else f", at most {most}")
        case list():
            return ", ".join(value)
        case bool():
            return "yes" if value else "no"
        case _:
            return amount_text(value, currency) if name == "value" else str(value)


def _reward(record: RewardDecided | RewardGranted) -> str:
    status = record.status if isinstance(record, RewardDecided) else "fulfil"
    item = f" {record.item}" if record.item else ""
    return (
        f"{status} to {record.role} {record.beneficiary or '-'}: "
        f"{amount_text(record.value_micros, record.currency)} {record.currency} {record.kind}{item}"
    )


def _arm(record: Attributed | RewardDecided) -> str:
    return f", arm {record.arm}" if record.arm else ""


def _who(record: Any) -> Any:
    return record.beneficiary if isinstance(record, MilestoneChanged) else record.user_id


_GETS: Final[dict[str, Callable[[Any], Any]]] = {
    "who": _who,
    "to": lambda record: record.beneficiary,
    "code": lambda record: record.code,
    "basis": lambda record: record.basis,
    "decisive": lambda record: record.decisive,
    "status": lambda record: record.status,
    "role": lambda record: record.role,
    "action": lambda record: record.action,
    "value": lambda record: record.value_micros,
    "currency": lambda record: record.currency,
    "kind": lambda record: record.kind,
    "item": lambda record: record.item,
    "reasons": lambda record: list(record.reasons),
    "score": lambda record: record.score,
    "version": lambda record: record.campaign_version,
    "arm": lambda record: record.arm,
    "at": lambda record: record.event_time,
    "due": lambda record: record.due_at,
    "name": lambda record: record.name,
    "type": lambda record: record.type,
    "field": lambda record: record.field,
    "reached": lambda record: record.reached,
    "reason": lambda record: record.reasons if isinstance(record, RewardDecided) else record.reason,
    "detail": lambda record: record.detail,
}
"""The place in a record that an expectation is about."""
