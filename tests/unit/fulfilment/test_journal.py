"""Memory of the journal, over restarts."""

import sqlite3
from pathlib import Path

import pytest
from support.fulfilment import an_order
from support.journal import begin, settle, take, write_reports

from reftrail.contracts.codec import decode_as, encode
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.fulfilment.answers import Delivered, OrderRefused
from reftrail.fulfilment.database import Database
from reftrail.fulfilment.journal import Journal
from reftrail.fulfilment.outcomes import Again
from reftrail.fulfilment.reports import delivered, failed
from reftrail.hosting.kafka.log_bounds import LogPosition


def test_an_order_is_taken_once(journal: Journal) -> None:
    assert take(journal, an_order(1), an_order(2)) == 2
    assert take(journal, an_order(1), an_order(2)) == 0
    assert take(journal, an_order(3), an_order(3), first=2) == 1
    assert [due.order for due in begin(journal)] == [an_order(1), an_order(2), an_order(3)]
    assert begin(journal) == []


def test_the_longest_due_come_first_and_no_more_than_asked_for(journal: Journal) -> None:
    take(journal, an_order(1), now=30)
    take(journal, an_order(2), an_order(3), first=1, now=20)
    assert [d.order for d in journal.begin("credit", 2, now=40).due] == [an_order(2), an_order(3)]
    assert [d.order for d in journal.begin("credit", 2, now=40).due] == [an_order(1)]
    assert journal.begin("cash", 2, now=40).due == []


def test_what_was_asked_for_when_the_process_died_is_due_again_and_in_doubt(path: Path) -> None:
    database = Database.open(path)
    journal = Journal(database)
    take(journal, an_order(1), an_order(2), an_order(3))
    first, second = journal.begin("credit", 2, now=0).due
    settle(journal, first, Delivered())
    database.close()

    database = Database.open(path)
    journal = Journal(database)
    assert journal.resume(now=50) == 1
    found = {d.order.reward_id: (d.in_doubt, d.attempts) for d in begin(journal, now=50)}
    assert found == {second.order.reward_id: (True, 2), an_order(3).reward_id: (False, 1)}
    database.close()


def test_what_is_put_off_is_due_at_its_time(journal: Journal) -> None:
    take(journal, an_order(1))
    begin(journal)
    journal.record([Again(an_order(1).reward_id, due_at=500, in_doubt=True)])
    assert begin(journal, now=499) == []
    (due,) = begin(journal, now=500)
    assert (due.attempts, due.in_doubt, due.taken_at) == (2, True, 0)


def test_what_is_settled_is_told_once_as_it_was_written(journal: Journal) -> None:
    take(journal, an_order(1), an_order(2))
    first, second = begin(journal)
    done = settle(journal, first, Delivered("x"), now=7)
    refused = settle(journal, second, OrderRefused("no"), now=8)
    reported = journal.unreported()
    assert [decode_as(FulfilmentReported, unreported.report) for unreported in reported] == [
        done.report,
        refused.report,
    ]
    assert refused.letter is not None
    assert [unreported.letter for unreported in reported] == [None, encode(refused.letter)]
    journal.note_reported(reported, {0: 12})
    assert journal.unreported() == []
    assert journal.known_positions() == {0: 12}


def test_positions_stay_before_the_first_that_is_not_settled_and_told(journal: Journal) -> None:
    journal.take([(an_order(n), LogPosition(n % 2, n)) for n in range(6)], now=0)
    assert journal.open_from(range(2)) == {0: 0, 1: 1}
    begun = begin(journal)
    for due in begun[1:]:
        settle(journal, due, Delivered())
    assert journal.open_from(range(2)) == {0: 0, 1: 1}
    write_reports(journal)
    assert journal.open_from(range(2)) == {0: 0}
    settle(journal, begun[0], Delivered())
    write_reports(journal)
    assert journal.open_from(range(2)) == {}


def test_an_order_whose_time_is_up_expires(journal: Journal) -> None:
    take(journal, an_order(1, expires_at=100), an_order(2, expires_at=101))
    begun = journal.begin("credit", 10, now=100)
    assert [due.order.expires_at for due in begun.expired] == [100]
    assert [due.order.expires_at for due in begun.due] == [101]
    assert journal.unreported() == []
    assert journal.open_from(range(2)) == {0: 1}
    assert take(journal, an_order(1, expires_at=100)) == 0
    assert begin(journal, now=100) == []


def test_an_order_in_doubt_does_not_expire(journal: Journal) -> None:
    take(journal, an_order(1, expires_at=100))
    begin(journal)
    journal.resume(now=100)
    begun = journal.begin("credit", 10, now=200)
    assert len(begun.due) == 1
    assert begun.expired == []


def test_after_a_failure_it_can_be_ordered_anew_and_else_not(journal: Journal) -> None:
    take(journal, an_order(1))
    settle(journal, begin(journal)[0], OrderRefused("no"))
    write_reports(journal)
    assert take(journal, an_order(1)) == 0, "the order that failed, read again"
    anew = an_order(1, event_id="approved")
    assert take(journal, anew, first=9, now=60) == 1
    assert take(journal, an_order(1)) == 0, "the old one again, from before"
    (due,) = begin(journal, now=60)
    assert (due.order, due.attempts, due.place) == (anew, 1, LogPosition(0, 9))
    settle(journal, due, Delivered())
    write_reports(journal)
    assert take(journal, an_order(1, event_id="a third"), first=20) == 0


def test_a_lost_journal_is_learned_from_the_log(journal: Journal) -> None:
    done = delivered(an_order(1), Delivered("x"), attempts=1, at=5)
    not_done = failed(an_order(2), "no", attempts=3, at=6)
    assert journal.read([done, not_done], {0: 2}, now=10) == 2
    assert journal.read([done, not_done], {0: 2}, now=10) == 0
    assert journal.known_positions() == {0: 2}
    assert take(journal, an_order(1), an_order(2), an_order(3)) == 1
    assert [due.order for due in begin(journal)] == [an_order(3)]
    assert take(journal, an_order(2, event_id="approved"), first=7) == 1


def test_a_report_that_is_in_the_log_is_not_told_again(journal: Journal) -> None:
    take(journal, an_order(1), an_order(2), an_order(3))
    first, second, third = begin(journal)
    done = settle(journal, first, Delivered("x"))
    refused = settle(journal, second, OrderRefused("no"))
    elsewhere = delivered(third.order, Delivered("y"), attempts=1, at=5)
    assert journal.read([done.report, refused.report, elsewhere], {0: 3}, now=0) == 3
    assert journal.unreported() == []
    assert journal.open_from(range(2)) == {}


def test_a_failure_of_an_earlier_order_says_nothing_of_the_new_one(journal: Journal) -> None:
    earlier = failed(an_order(1), "no", attempts=1, at=5)
    take(journal, an_order(1, event_id="approved"), first=5)
    assert journal.read([earlier], {}, now=0) == 0
    assert len(begin(journal)) == 1


def test_only_own_partitions_are_worked_on_and_only_what_was_checked(journal: Journal) -> None:
    journal.take([(an_order(n), LogPosition(n % 2, n)) for n in range(4)], now=0)
    journal.take([(an_order(5), LogPosition(1, 5))], now=9)
    begun = journal.begin("credit", 10, 10, partitions=[1], taken_until=8).due
    assert [due.place.offset for due in begun] == [1, 3]
    for due in begun:
        settle(journal, due, Delivered())
    assert len(journal.unreported(partitions=[0])) == 0
    assert len(journal.unreported(partitions=[1])) == 2


def test_what_others_settled_is_passed_by_and_can_be_ordered_anew(journal: Journal) -> None:
    take(journal, an_order(1), an_order(2), an_order(3))
    assert journal.pass_by({0: 2, 1: 9}) == 2
    assert [due.order for due in begin(journal)] == [an_order(3)]
    assert take(journal, an_order(1)) == 0
    assert take(journal, an_order(1, event_id="approved"), first=7) == 1
    elsewhere = delivered(an_order(2), Delivered("y"), attempts=1, at=5)
    assert journal.read([elsewhere], {}, now=1) == 1
    assert take(journal, an_order(2, event_id="approved"), first=8) == 0


def test_a_journal_of_the_first_version_goes_on(path: Path) -> None:
    """Its tables as that version made them."""
    with sqlite3.connect(path) as old:
        old.executescript(
            """
            CREATE TABLE orders (reward_id VARCHAR PRIMARY KEY, order_id VARCHAR,
                partition INTEGER NOT NULL, "offset" BIGINT NOT NULL, payload BLOB,
                kind VARCHAR NOT NULL, state VARCHAR NOT NULL, attempts INTEGER NOT NULL,
                in_doubt BOOLEAN NOT NULL, taken_at BIGINT NOT NULL, due_at BIGINT NOT NULL,
                report_id VARCHAR, report BLOB, letter BLOB, told BOOLEAN NOT NULL);
            CREATE INDEX orders_untold ON orders (state) WHERE NOT told;
            CREATE TABLE installation (version INTEGER NOT NULL, identity VARCHAR);
            INSERT INTO installation VALUES (1, 'these');
            """
        )
        order = an_order(1)
        old.execute(
            "INSERT INTO orders VALUES (?,?,0,4,?,'credit','waiting',1,1,0,0,NULL,NULL,NULL,0)",
            (order.reward_id, order.event_id, encode(order)),
        )
    database = Database.open(path)
    journal = Journal(database)
    journal.belong_to("these")
    (due,) = begin(journal)
    assert (due.order, due.in_doubt, due.attempts) == (order, True, 2)
    assert database.member() == database.member()
    database.close()


def test_it_counts_what_is_open(journal: Journal) -> None:
    take(journal, an_order(1), now=40)
    take(journal, an_order(2), an_order(3), first=1, now=50)
    (first,) = journal.begin("credit", 1, now=60).due
    counts = journal.counts()
    assert (counts.waiting, counts.asking, counts.oldest) == (
        {"credit": 2},
        {"credit": 1},
        {"credit": 40},
    )
    settle(journal, first, Delivered())
    write_reports(journal)
    assert journal.counts().oldest == {"credit": 50}


def test_it_belongs_to_its_topics(journal: Journal, path: Path) -> None:
    journal.belong_to("these")
    journal.belong_to("these")
    with pytest.raises(ExpectedError, match=r"is that of other topics \(these, not others\)"):
        journal.belong_to("others")


def test_two_processes_cannot_have_it(journal: Journal, path: Path) -> None:
    with pytest.raises(ExpectedError, match="another fulfilment has the journal"):
        Database.open(path)


def test_only_its_owner_can_read_it(journal: Journal, path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0
    for beside in path.parent.glob("journal.sqlite-*"):
        assert beside.stat().st_mode & 0o077 == 0


def test_a_file_that_is_none_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(ExpectedError, match="can't be used"):
        Database.open(path)
