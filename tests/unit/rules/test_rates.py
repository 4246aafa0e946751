"""Months and rates: arithmetic of rewards in percent."""

from calendar import monthrange
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.money import percent_text
from reftrail.contracts.record import Millis
from reftrail.rules.reward.rates import months_after


def at(text: str) -> Millis:
    return round(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


def test_months_end_with_their_last_day() -> None:
    assert months_after(at("2025-01-31T10:00"), 1) == at("2025-02-28T10:00")
    assert months_after(at("2024-01-31T10:00"), 1) == at("2024-02-29T10:00")
    assert months_after(at("2025-12-15T23:59:59.999"), 1) == at("2026-01-15T23:59:59.999")
    assert months_after(at("2025-03-01"), 12) == at("2026-03-01")


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2300, 1, 1)),  # noqa: DTZ001 - UTC is meant
    st.integers(0, 240),
)
def test_months_are_those_of_the_calendar(then: datetime, months: int) -> None:
    year, month = divmod(then.year * 12 + then.month - 1 + months, 12)
    day = min(then.day, monthrange(year, month + 1)[1])
    later = then.replace(year=year, month=month + 1, day=day, tzinfo=UTC)
    millis = then.replace(tzinfo=UTC)
    assert months_after(_millis(millis), months) == _millis(later)


def _millis(time: datetime) -> Millis:
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def test_rates_are_shown_in_percent() -> None:
    assert [percent_text(rate) for rate in (200_000, 125_000, 1, 1_000_000)] == [
        "20",
        "12.5",
        "0.0001",
        "100",
    ]
