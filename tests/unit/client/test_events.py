"""Events that a server reports: their ids, and the errors of wrong fields."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from reftrail.client import Event
from reftrail.client.events import identify, purchase, refund, signup


def test_the_id_follows_from_what_happened() -> None:
    same: list[tuple[Event, Event]] = [
        (signup("uma"), signup("uma", visitor_id="v1")),
        (purchase("uma", "O1", "19.99", "EUR"), purchase("uma", "O1", Decimal("19.99"), "EUR")),
        (refund("uma", "O1"), refund("uma", "O1")),
        (identify("uma", "v1"), identify("uma", "v1")),
    ]
    for first, second in same:
        assert first["event_id"] == second["event_id"]
        assert UUID(first["event_id"]).version == 5


def test_what_differs_has_another_id() -> None:
    events = [
        signup("uma"),
        signup("ben"),
        purchase("uma", "O1", "1", "EUR"),
        purchase("uma", "O2", "1", "EUR"),
        purchase("ben", "O1", "1", "EUR"),
        refund("uma", "O1"),
        refund("uma", "O1", refund_id="R1", amount="1"),
        refund("uma", "O1", refund_id="R2", amount="1"),
        refund("uma", "O1", amount_refunded="1"),
        refund("uma", "O1", amount_refunded="2"),
        identify("uma", "v1"),
        identify("uma", "v2"),
    ]
    assert len({event["event_id"] for event in events}) == len(events)


def test_an_event_has_its_time_and_only_the_fields_that_were_given() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    event = signup("uma", visitor_id="v1", code=None, event_time=at)
    assert event == {
        "type": "signup",
        "event_id": event["event_id"],
        "event_time": at,
        "user_id": "uma",
        "visitor_id": "v1",
    }
    assert abs(datetime.now(UTC) - signup("uma")["event_time"]).total_seconds() < 60


@pytest.mark.parametrize(
    ("make", "error", "advice"),
    [
        (lambda: purchase("u", "O1", 19.99, "EUR"), TypeError, "give a Decimal or a string"),  # type: ignore[arg-type]
        (lambda: signup(""), TypeError, "user_id is ''; expected a string that isn't empty"),
        (lambda: signup(17), TypeError, "user_id is 17; expected a string"),  # type: ignore[arg-type]
        (lambda: signup("u", event_time=datetime(2026, 3, 1)), ValueError, "has no offset"),  # noqa: DTZ001
        (lambda: refund("u", "O1", amount="5"), ValueError, "needs a refund_id"),
        (lambda: signup("u", properties={"a": object()}), TypeError, "can't be written as JSON"),
        (lambda: signup("\ud800"), TypeError, "can't be written as JSON"),
    ],
)
def test_wrong_fields_are_errors_at_once(
    make: Callable[[], Any], error: type[Exception], advice: str
) -> None:
    with pytest.raises(error, match=advice):
        make()
