"""The times in which a code had ended by its status: they stay in its record when it changes."""

from dataclasses import replace

import sqlalchemy as sa
from support.codes import BY, SUMMER

from reftrail.codes.model import By, Changes
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store, outbox
from reftrail.codes.store.tables import installed
from reftrail.contracts.codec import decode
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.reference import STOPS_KEPT, CodeChanged, Stop

NOW = BY.at or 0


def after(time: Millis) -> By:
    return replace(BY, at=NOW + time)


def published(store: Store) -> list[CodeChanged]:
    """The records of codes that wait for Kafka, in their order."""
    with store.read() as connection:
        waiting = outbox.first_waiting(connection, 1_000)
    records = (decode(message.value) for message in waiting)
    return [record for record in records if isinstance(record, CodeChanged)]


def test_a_stop_that_ended_is_in_all_later_records(codes: CodeService, store: Store) -> None:
    code = codes.issue(SUMMER, BY).code
    codes.suspend(code, after(1))
    codes.change(code, after(2), Changes(notes="x"))
    codes.reactivate(code, after(3))
    codes.change(code, after(4), Changes(notes="y"))
    codes.suspend(code, after(5))
    codes.revoke(code, after(7))
    codes.revoke(code, after(8))
    first, second = Stop("suspended", NOW + 1, NOW + 3), Stop("suspended", NOW + 5, NOW + 7)
    assert [record.stops for record in published(store)] == [
        [],
        [],
        [],
        [first],
        [first],
        [first],
        [first, second],
    ]
    found = codes.find(code)
    assert found is not None
    assert found.changed == published(store)[-1]
    stops = [found.changed.stop_at(NOW + time) for time in range(9)]
    present = stops[-1]
    assert present is not None
    assert (present.status, present.since) == ("revoked", NOW + 7)
    assert stops == [None, first, first, None, None, second, second, present, present]
    assert all("past_stops" not in (act.after or "") for act in codes.audit(code))


def test_a_stop_is_forgotten_long_after_it_ended(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    codes.suspend(code, after(0))
    codes.reactivate(code, after(DAY))
    kept = codes.change(code, after(DAY + STOPS_KEPT - 1), Changes(notes="x"))
    assert kept.changed.stops == [Stop("suspended", NOW, NOW + DAY)]
    forgotten = codes.change(code, after(DAY + STOPS_KEPT), Changes(notes="y"))
    assert forgotten.changed.past_stops is None


def test_a_stop_that_ends_when_it_begins_was_none(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    codes.suspend(code, BY)
    assert codes.reactivate(code, BY).changed.past_stops is None


def test_a_store_of_version_2_is_brought_to_this_one(
    codes: CodeService, store: Store, store_url: str
) -> None:
    code = codes.issue(SUMMER, BY).code
    codes.suspend(code, after(1))
    with store.write() as connection:
        connection.execute(sa.text("ALTER TABLE codes DROP COLUMN past_stops"))
        connection.execute(sa.update(installed).values(version=2))
    store.close()
    opened = Store.open(store_url)
    reactivated = CodeService(opened).reactivate(code, after(2))
    assert reactivated.changed.stops == [Stop("suspended", NOW + 1, NOW + 2)]
    opened.close()
