"""Codes that differ only in the case of their letters are one code, wherever one is asked for."""

import string
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.codes import BY, SUMMER, sqlite_url

from reftrail.codes.answers import Answer
from reftrail.codes.bulk.importing import import_file
from reftrail.codes.bulk.rows import Columns
from reftrail.codes.model import ActRefused, Changes, Code, Filter, FormatTerms, GivenCode, Why
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.codes.store.tables import codes as table
from reftrail.codes.store.tables import codes_by_canonical, installed
from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.reference import CodeAct

TYPED = ("AMY", "amy", "Amy", "AMY ", " aMY\n")


def add(codes: CodeService, *given: str) -> None:
    codes.register([GivenCode(code=code, terms=SUMMER) for code in given], BY)


@pytest.mark.parametrize("registered", ["AMY", "Amy", " amy "])
def test_a_code_is_found_in_any_case_and_shown_as_registered(
    codes: CodeService, registered: str
) -> None:
    add(codes, registered)
    for typed in TYPED:
        found, verified = codes.find(typed), codes.verify(typed)
        assert found is not None
        assert found.code == verified.code == registered.strip()
        assert verified.answer is Answer.VALID
        assert [act.act for act in codes.audit(typed)] == ["issued"]
    assert codes.find("AM") is None
    assert codes.find("am\u0131") is None
    assert codes.audit("AM") == []


@pytest.mark.parametrize(
    "act",
    [
        lambda codes, code: codes.bind(code, BY, owner_user_id="amy"),
        lambda codes, code: codes.change(code, BY, Changes(max_uses=3)),
        lambda codes, code: codes.distribute(code, BY),
        lambda codes, code: codes.suspend(code, BY),
        lambda codes, code: codes.revoke(code, BY),
        lambda codes, code: codes.expire(code, BY),
        lambda codes, code: codes.reissue(code, BY).old,
    ],
)
def test_acts_are_on_the_code_in_any_case(
    codes: CodeService, act: Callable[[CodeService, str], Code]
) -> None:
    add(codes, "Amy")
    done = act(codes, " aMY ")
    assert (done.code, done.changed.revision) == ("Amy", 2)
    assert codes.find("AMY") == done


def test_a_bulk_act_is_on_a_prefix_in_any_case(codes: CodeService) -> None:
    add(codes, "OLD-1", "old-2", "OLE")
    (moved,) = codes.act_on_all(CodeAct.REVOKED, Filter(prefix="Old"), BY)
    assert [code.code for code in moved] == ["OLD-1", "old-2"]


@pytest.mark.parametrize("taken", ["AMY", "amy"])
def test_a_second_spelling_is_no_second_code(codes: CodeService, taken: str) -> None:
    add(codes, taken)
    other = taken.swapcase()
    for typed in (other, f" {other}"):
        with pytest.raises(ActRefused, match=f"is the code {taken}") as refused:
            add(codes, typed)
        assert refused.value.why is Why.CLASH
    with pytest.raises(ActRefused) as refused:
        codes.issue_chosen("amy", SUMMER, BY)
    assert refused.value.why is Why.CLASH
    given = [GivenCode(code=code, terms=SUMMER) for code in (other, "BOB", "bob", "BOB ")]
    done = codes.import_codes(given, BY)
    assert (done.added, done.unchanged) == (1, 1)
    assert [(clash.place, clash.code) for clash in done.clashes] == [(1, other), (3, "bob")]
    assert [code.code for code in codes.page(Filter()).codes] == sorted([taken, "BOB"])


def test_a_drawn_code_is_drawn_again_where_it_exists_in_another_case(codes: CodeService) -> None:
    add(codes, "prg-0001")
    codes.define_format(FormatTerms(name="prg", pattern="PRG-{sequence:####}"), BY)
    assert codes.issue(SUMMER, BY, format_name="prg").code == "PRG-0002"


def test_a_chosen_code_is_upper_case_by_ascii_alone(codes: CodeService) -> None:
    assert codes.issue_chosen(" amy smith", SUMMER, BY).code == "AMY-SMITH"
    with pytest.raises(ActRefused) as refused:
        codes.issue_chosen("k\u0131m", SUMMER, BY)
    assert (refused.value.why, refused.value.suggestion) == (Why.INVALID, "KIM")
    codes.issue_chosen("kim", SUMMER, BY)
    assert codes.verify("k\u0131m").answer is not Answer.VALID


def test_a_file_is_taken_over_trimmed_and_without_second_spellings(
    codes: CodeService, tmp_path: Path
) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("code,campaign\n Amy ,summer\nAMY,summer\nBOB,summer\n")
    report = import_file(codes, path, Columns(), BY, check_campaigns=lambda _: None, skip=True)
    assert [(fault.line, fault.code) for fault in report.faults] == [(3, "AMY")]
    assert [code.code for code in codes.page(Filter()).codes] == ["Amy", "BOB"]


def test_the_store_alone_lets_no_second_spelling_in(codes: CodeService, store: Store) -> None:
    add(codes, "AMY")
    with store.read() as connection:
        (row,) = connection.execute(sa.select(table)).mappings()
    with pytest.raises(sa.exc.IntegrityError), store.write() as connection:
        connection.execute(sa.insert(table).values({**row, "code": "Amy"}))


def test_the_store_has_the_same_canonical_form(store: Store) -> None:
    text = string.ascii_letters + string.digits + "_-"
    with store.read() as connection:
        upper = connection.execute(sa.select(sa.func.upper(sa.literal(text)))).scalar_one()
    assert upper == canonical(text)


def older(store: Store, *given: str) -> None:
    """Make a store as version 1 left it, with these codes."""
    codes = CodeService(store, clock=lambda: 1)
    add(codes, *(f"c{number}" for number, _ in enumerate(given)))
    with store.write() as connection:
        codes_by_canonical.drop(connection)
        for number, code in enumerate(given):
            renamed = sa.update(table).where(table.c.code == f"c{number}").values(code=code)
            connection.execute(renamed)
        connection.execute(sa.text("ALTER TABLE codes DROP COLUMN past_stops"))
        connection.execute(sa.update(installed).values(version=1))
    store.close()


def test_a_store_of_version_1_is_brought_to_this_one(store: Store, store_url: str) -> None:
    older(store, "AMY", "Bob")
    opened = Store.open(store_url)
    codes = CodeService(opened, clock=lambda: 1)
    assert [codes.verify(typed).code for typed in ("amy", "BOB")] == ["AMY", "Bob"]
    with pytest.raises(ActRefused, match="is the code Bob"):
        add(codes, "BOB")
    opened.close()
    Store.open(store_url).close()


def test_a_store_with_codes_that_differ_in_case_only_is_refused_with_a_list(
    store: Store, store_url: str
) -> None:
    older(store, "AMY", "ZOE", "amy", "Bob", "bOB", "Amy")
    for _ in range(2):
        with pytest.raises(ExpectedError) as refused:
            Store.open(store_url)
    says = str(refused.value)
    assert "\n  AMY, Amy, amy\n  Bob, bOB\nNothing was changed" in says
    assert "ZOE" not in says
    assert "reftrail codes reissue CODE" in says


def test_once_the_second_spelling_is_out_the_store_opens(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    older(Store.open(url), "AMY", "amy")
    with pytest.raises(ExpectedError):
        Store.open(url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM codes WHERE code = 'amy'")
    engine.dispose()
    opened = Store.open(url)
    assert CodeService(opened).verify("amy").code == "AMY"
    opened.close()
