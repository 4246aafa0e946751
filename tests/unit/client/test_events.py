"""Events that a server reports: their ids, and the errors of wrong fields."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from support.accepting import judged

from reftrail.client import Event
from reftrail.client.events import identify, purchase, refund, signup
from reftrail.client.fields import FIELDS, Amount
from reftrail.contracts.times import millis
from reftrail.edge.field_formats import EXPECTED


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
        (lambda: purchase("u", "O1", True, "EUR"), TypeError, "amount is True; expected an amount"),
        (lambda: purchase("u", "O1", None, "EUR"), TypeError, "amount is None"),  # type: ignore[arg-type]
        (lambda: purchase("u", "O1", "5", None), TypeError, "currency is None"),  # type: ignore[arg-type]
        (lambda: purchase("u", "O1", "-5", "EUR"), ValueError, "that isn't negative"),
        (lambda: purchase("u", "O1", "1,50", "EUR"), ValueError, "amount is '1,50'"),
        (lambda: purchase("u", "O1", Decimal("NaN"), "EUR"), ValueError, "amount is 'NaN'"),
        (lambda: purchase("u", "O1", Decimal("1E-7"), "EUR"), ValueError, "at most 6 decimal"),
        (lambda: purchase("u", "O1", Decimal("1E+20"), "EUR"), ValueError, "amount is '1E\\+20'"),
        (lambda: purchase("u", "O1", "5", "EUR", tax=0.5), TypeError, "tax is the float 0.5"),  # type: ignore[arg-type]
        (lambda: purchase("u", "O1", "5", "eur"), ValueError, "three capital letters"),
        (lambda: purchase("u", "x" * 129, "5", "EUR"), ValueError, "order_id has 129 characters"),
        (lambda: signup("u", visitor="v1"), TypeError, "did you mean visitor_id?"),  # type: ignore[call-arg]
        (lambda: signup("u", favourite=1), TypeError, "put what is your own under properties"),  # type: ignore[call-arg]
        (lambda: signup("u", code=5), TypeError, "code is 5; expected a string"),  # type: ignore[arg-type]
        (lambda: signup("u", properties="x"), TypeError, "properties is str; expected a mapping"),  # type: ignore[arg-type]
        (lambda: signup("u", event_time=date(2026, 3, 1)), TypeError, "expected a datetime"),  # type: ignore[arg-type]
        (lambda: signup("u", event_time="2026-03-01"), ValueError, "has no offset"),  # type: ignore[arg-type]
        (lambda: signup("u", event_time="1 March"), ValueError, "is no time"),  # type: ignore[arg-type]
        (lambda: identify("u", ""), TypeError, "visitor_id is ''"),
        (lambda: refund("u", "O1", refund_id="", amount="1"), TypeError, "refund_id is ''"),
    ],
)
def test_wrong_fields_are_errors_at_once(
    make: Callable[[], Any], error: type[Exception], advice: str
) -> None:
    with pytest.raises(error, match=advice):
        make()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (20, "20"),
        (Decimal("1E+2"), "100"),
        (Decimal("100.00").normalize(), "100"),
        (Decimal("19.990000000"), "19.990000"),
        (Decimal("19.90"), "19.90"),
        (Decimal("0E-9"), "0.000000"),
        ("19.99", "19.99"),
    ],
)
def test_amounts_are_sent_as_the_collector_reads_them(given: Amount, sent: str) -> None:
    event = purchase("u", "O1", given, "EUR", tax=given)
    assert (event["amount"], event["tax"]) == (sent, sent)
    as_sent = msgspec.json.decode(msgspec.json.encode(event))
    assert judged(as_sent, now=millis(event["event_time"])).rejected == []


def test_one_total_of_refunds_has_one_id_however_it_is_written() -> None:
    ids = {
        refund("u", "O1", amount_refunded=total)["event_id"]
        for total in (100, "100", Decimal(100), Decimal("1E+2"))
    }
    assert len(ids) == 1


def test_what_nobody_filled_in_is_left_out() -> None:
    event = signup("uma", visitor_id="", code=" ", email="", country="")
    assert event.keys() == {"type", "event_id", "event_time", "user_id"}


@pytest.mark.parametrize("typed", ["AMY!", "amy@mail.example", "my friend Amy's", "A" * 65, "ÄMY"])
def test_a_typed_text_that_cant_be_a_code_costs_no_signup(
    typed: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = signup("uma", visitor_id="v1", code=typed)
    assert "code" not in event
    (said,) = caplog.messages
    assert "can't be a code" in said
    assert typed not in said


@pytest.mark.parametrize("typed", ["AMY", " amy ", "amy smith", "\uff21MY", "a_b-C1"])
def test_a_typed_code_is_sent_as_it_was_typed(typed: str) -> None:
    event = signup("uma", code=typed)
    assert event["code"] == typed
    as_sent = msgspec.json.decode(msgspec.json.encode(event))
    assert judged(as_sent, now=millis(event["event_time"])).rejected == []


def test_the_fields_are_those_of_the_collector() -> None:
    assert EXPECTED.keys() - {"type"} == FIELDS
