"""Codes handed out once each."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.fulfilment import an_order

from reftrail.contracts.errors import ExpectedError
from reftrail.fulfilment.answers import Answer, Deferred, Delivered
from reftrail.fulfilment.code_pool import CodePool, codes_in
from reftrail.fulfilment.database import Database
from reftrail.fulfilment.journal import Journal
from reftrail.fulfilment.reports import delivered


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "journal.sqlite")
    yield database
    database.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "codes.txt"


def code(answer: Answer) -> str | None:
    assert isinstance(answer, Delivered), answer
    return answer.reference


def test_each_reward_gets_a_code_of_its_own_and_the_same_when_asked_again(
    database: Database, file: Path
) -> None:
    file.write_text("A\nB\nC\n")
    pool = CodePool(database, file)
    assert pool.load() == 3
    given = [code(pool.fulfil(an_order(n, "code"))) for n in (1, 2, 1, 3, 2)]
    assert given == ["A", "B", "A", "C", "B"]


def test_threads_at_once_share_no_code(database: Database, file: Path) -> None:
    file.write_text("\n".join(f"GIFT{n}" for n in range(40)))
    pool = CodePool(database, file)
    pool.load()
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda n: code(pool.fulfil(an_order(n, "code"))), range(40)))
    assert len(set(given)) == 40


def test_an_item_has_its_own_codes(database: Database, file: Path) -> None:
    file.write_text("A\nM,museum\nB\n")
    pool = CodePool(database, file)
    pool.load()
    assert code(pool.fulfil(an_order(1, "code", item="museum"))) == "M"
    answer = pool.fulfil(an_order(2, "code", item="museum"))
    assert answer == Deferred(
        "no codes of item museum are left in the pool; add some", in_doubt=False
    )
    assert code(pool.fulfil(an_order(3, "code"))) == "A"


def test_codes_added_to_the_file_are_found_when_there_are_no_others(
    database: Database, file: Path
) -> None:
    file.write_text("A\n")
    pool = CodePool(database, file)
    pool.load()
    assert code(pool.fulfil(an_order(1, "code"))) == "A"
    assert isinstance(pool.fulfil(an_order(2, "code")), Deferred)
    file.write_text("A\nANOTHER\n")
    assert code(pool.fulfil(an_order(2, "code"))) == "ANOTHER"


def test_a_restart_hands_nothing_out_twice(database: Database, file: Path) -> None:
    file.write_text("A\nB\n")
    before = CodePool(database, file)
    before.load()
    before.fulfil(an_order(1, "code"))
    after = CodePool(database, file)
    assert after.load() == 0
    assert code(after.fulfil(an_order(2, "code"))) == "B"


def test_with_a_lost_journal_the_log_says_which_codes_are_used(
    database: Database, file: Path
) -> None:
    earlier = delivered(an_order(1, "code"), Delivered("A"), attempts=1, at=5)
    Journal(database).read([earlier], {0: 1}, now=10)
    file.write_text("A\nB\n")
    pool = CodePool(database, file)
    pool.load()
    assert code(pool.fulfil(an_order(2, "code"))) == "B"
    assert code(pool.fulfil(an_order(1, "code"))) == "A"


def test_the_log_is_right_about_a_code_that_was_taken_for_another(
    database: Database, file: Path
) -> None:
    file.write_text("A\nB\n")
    pool = CodePool(database, file)
    pool.load()
    assert code(pool.fulfil(an_order(2, "code"))) == "A"
    found = delivered(an_order(1, "code"), Delivered("A"), attempts=1, at=5)
    Journal(database).read([found], {0: 1}, now=10)
    assert code(pool.fulfil(an_order(2, "code"))) == "B"


def test_a_file_that_is_missing_is_named(database: Database, file: Path) -> None:
    pool = CodePool(database, file)
    with pytest.raises(ExpectedError, match=f"can't be read from {file}"):
        pool.load()
    answer = pool.fulfil(an_order(1, "code"))
    assert isinstance(answer, Deferred)
    assert not answer.in_doubt


def test_lines_say_codes_and_items() -> None:
    text = "# gifts\n\n A \nB, museum \n"
    assert codes_in(text, "gifts") == [("A", ""), ("B", "museum")]
    for wrong in (",museum", "A,b,c", "X" * 201):
        with pytest.raises(ExpectedError, match="gifts, line 2: expected CODE or CODE,ITEM"):
            codes_in(f"A\n{wrong}", "gifts")


def test_processes_that_share_a_group_hand_out_different_codes(tmp_path: Path, file: Path) -> None:
    file.write_text("".join(f"GIFT{n}\n" for n in range(40)))
    given = []
    for process, own in enumerate(([0, 2], [1, 3])):
        database = Database.open(tmp_path / f"{process}.sqlite")
        pool = CodePool(database, file)
        pool.share(own, 4)
        orders = [an_order(100 * process + n, "code") for n in range(10)]
        given += [code(pool.fulfil(order)) for order in orders]
        database.close()
    assert len(set(given)) == 20


def test_whoever_has_all_partitions_hands_out_all_codes(database: Database, file: Path) -> None:
    file.write_text("A\nB\nC\n")
    pool = CodePool(database, file)
    pool.share([0], 2)
    pool.share([0, 1], 2)
    assert [code(pool.fulfil(an_order(n, "code"))) for n in range(3)] == ["A", "B", "C"]
