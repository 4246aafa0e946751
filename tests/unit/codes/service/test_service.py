"""Issuing of codes: random, structured, chosen and derived ones."""

import json
from dataclasses import replace
from itertools import repeat

import pytest
import sqlalchemy as sa
from support.code_service import AMY, DERIVED, PLACE, STRUCTURED, refused, sent
from support.codes import BY, SECRET, SUMMER

from reftrail.codes.answers import Answer
from reftrail.codes.model import (
    ActRefused,
    By,
    Filter,
    FormatTerms,
    GivenCode,
    Why,
)
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.contracts.reference import (
    CodeActed,
    CodeChanged,
    CodeFormatDefined,
    CodeStatus,
)


def test_a_code_its_audit_line_and_its_messages_are_one(codes: CodeService, store: Store) -> None:
    code = codes.issue(AMY, BY)
    assert codes.find(code.code) == code
    assert code.changed.owner_user_id == "amy"
    assert (code.changed.revision, code.changed.status) == (1, CodeStatus.ACTIVE)
    (line,) = codes.audit(code.code)
    assert (line.act, line.actor, line.reason, line.revision) == ("issued", "tester", "a test", 1)
    assert line.before is None
    assert json.loads(line.after or "")["record_id"] == "77"
    assert sent(store)[2:] == [code.changed, line]
    defined, definition_line = sent(store)[:2]
    assert isinstance(defined, CodeFormatDefined)
    assert (defined.name, defined.pattern) == ("random", "REF{body:9}")
    assert isinstance(definition_line, CodeActed)


def test_what_fails_leaves_nothing(codes: CodeService, store: Store) -> None:
    refused(Why.NOT_FOUND, lambda: codes.issue(AMY, BY, format_name="none"))
    refused(Why.INVALID, lambda: codes.issue(replace(AMY, max_uses=0), BY))
    refused(Why.INVALID, lambda: codes.issue(replace(AMY, record_kind=None), BY))
    refused(Why.INVALID, lambda: codes.issue(AMY, By(actor="")))
    assert sent(store) == []
    assert codes.page(Filter()).codes == ()


@pytest.mark.usefixtures("chunks_of_100")
def test_codes_are_issued_in_bulk_in_the_order_of_their_terms(codes: CodeService) -> None:
    terms = [replace(SUMMER, owner_user_id=f"user{n}") for n in range(250)]
    chunks = list(codes.issue_each(terms, BY))
    assert [len(chunk) for chunk in chunks] == [100, 100, 50]
    issued = [code for chunk in chunks for code in chunk]
    assert [code.changed.owner_user_id for code in issued] == [
        code_terms.owner_user_id for code_terms in terms
    ]
    assert len({code.code for code in issued}) == 250
    batches = {codes.audit(code.code)[0].batch_id for code in issued[::50]}
    assert len(batches) == 1
    assert None not in batches
    assert next(defined.used for defined in codes.formats()) == 250


def test_structured_codes_are_counted_on_for_each_place(codes: CodeService) -> None:
    codes.define_format(STRUCTURED, BY)
    first, second = (codes.issue(SUMMER, BY, format_name="programme", **PLACE) for _ in range(2))
    other = codes.issue(SUMMER, BY, format_name="programme", **(PLACE | {"region": "CA"}))
    assert (first.code, second.code) == ("PRG-2025-US-001-A", "PRG-2025-US-002-A")
    assert other.code == "PRG-2025-CA-001-A"
    assert other.changed.origin == "structured"
    taken = PLACE | {"sequence": "001"}
    refused(Why.CLASH, lambda: codes.issue(SUMMER, BY, format_name="programme", **taken))
    said = refused(Why.INVALID, lambda: codes.issue(SUMMER, BY, format_name="programme"))
    assert "say which" in said


def test_a_sequence_that_ends_says_so(codes: CodeService) -> None:
    codes.define_format(FormatTerms(name="few", pattern="N-{sequence:##}"), BY)
    list(codes.issue_each(repeat(SUMMER, 98), BY, format_name="few"))
    said = refused(
        Why.EXHAUSTED, lambda: list(codes.issue_each(repeat(SUMMER, 2), BY, format_name="few"))
    )
    assert "{sequence:###}" in said
    assert codes.issue(SUMMER, BY, format_name="few").code == "N-99"


def test_five_retries_and_then_an_error_with_a_way_out(codes: CodeService) -> None:
    codes.define_format(FormatTerms(name="tiny", pattern="T{body:1}"), BY)
    list(codes.issue_each(repeat(SUMMER, 3), BY, format_name="tiny"))

    def fill() -> None:
        for _ in range(200):
            codes.issue(SUMMER, BY, format_name="tiny")

    said = refused(Why.EXHAUSTED, fill)
    assert "5 retries" in said
    assert "{body:3} instead of {body:1}" in said
    collisions = codes.metrics.collisions.labels("tiny")._value.get()
    assert collisions >= 6
    used = next(defined.used for defined in codes.formats() if defined.defined.name == "tiny")
    assert used == len(codes.page(Filter(prefix="T")).codes) <= 31


def test_chosen_codes(codes: CodeService) -> None:
    codes.issue(SUMMER, BY)
    assert codes.issue_chosen("amy smith", AMY, BY).code == "AMY-SMITH"
    refused(Why.CLASH, lambda: codes.issue_chosen("AMY-SMITH", SUMMER, BY))
    refused(Why.CLASH, lambda: codes.issue_chosen("Amy-Sm1th", SUMMER, BY))
    refused(Why.INVALID, lambda: codes.issue_chosen("REFUGE", SUMMER, BY))
    with pytest.raises(ActRefused) as caught:
        codes.issue_chosen("ВOB", SUMMER, BY)  # noqa: RUF001  (Cyrillic)
    assert caught.value.suggestion == "BOB"


def test_a_chosen_code_must_not_look_like_one_taken_over(codes: CodeService) -> None:
    given = [GivenCode(code="bob0", terms=SUMMER), GivenCode(code="BOBO", terms=SUMMER)]
    assert codes.import_codes(given, BY).added == 2
    refused(Why.CLASH, lambda: codes.issue_chosen("BOBO", SUMMER, BY))
    refused(Why.CLASH, lambda: codes.issue_chosen("80BO".replace("8", "B"), SUMMER, BY))


def test_derived_codes_are_issued_by_their_number(codes: CodeService, store: Store) -> None:
    codes.define_format(DERIVED, BY)
    first = codes.issue_derived("spring", 1_000, BY)
    early = codes.derived_codes("spring").code(7)
    more = codes.issue_derived("spring", 500, BY)
    assert (first.first, first.last, more.first, more.last) == (1, 1_000, 1_001, 1_500)
    assert codes.derived_codes("spring").code(7) == early
    records = sent(store)
    counts = [record.count for record in records if isinstance(record, CodeFormatDefined)]
    revisions = [record.revision for record in records if isinstance(record, CodeFormatDefined)]
    lines = [record for record in records if isinstance(record, CodeActed)]
    assert (counts, revisions) == ([0, 1_000, 1_500], [1, 2, 3])
    assert [(line.code, line.codes, line.campaign_id) for line in lines] == [
        (None, 0, "spring"),
        (None, 1_000, "spring"),
        (None, 500, "spring"),
    ]
    assert not any(isinstance(record, CodeChanged) for record in records)
    said = refused(Why.EXHAUSTED, lambda: codes.issue_derived("spring", 10_000_000, BY))
    assert "take 9 symbols or more" in said


def test_a_derived_code_gets_its_row_when_something_is_done_to_it(codes: CodeService) -> None:
    codes.define_format(DERIVED, BY)
    codes.issue_derived("spring", 100, BY)
    genuine = codes.derived_codes("spring").code(42)
    assert codes.find(genuine) is None
    bound = codes.bind(genuine.lower(), BY, owner_user_id="amy", record=("ticket", "9"))
    assert bound == codes.find(genuine)
    assert (bound.changed.origin, bound.changed.campaign_id) == ("derived", "spring")
    assert (bound.changed.category, bound.format_name) == ("print", "spring")
    assert [line.act for line in codes.audit(genuine)] == ["bound"]
    assert codes.revoke(codes.derived_codes("spring").code(43), BY).changed.status == "revoked"
    beyond = replace(codes.derived_codes("spring"), count=200).code(101)
    refused(Why.NOT_FOUND, lambda: codes.bind(beyond, BY, owner_user_id="eve"))


def test_without_the_secret_derived_codes_cant_be_touched(store: Store, codes: CodeService) -> None:
    codes.define_format(DERIVED, BY)
    codes.issue_derived("spring", 100, BY)
    genuine = codes.derived_codes("spring").code(1)
    without = CodeService(store)
    refused(Why.NO_SECRET, lambda: without.revoke(genuine, BY))
    refused(Why.NO_SECRET, lambda: without.issue_derived("spring", 1, BY))
    assert without.verify(genuine).answer == Answer.UNKNOWN
    other = CodeService(store, secret=replace(SECRET, key_id="k2"))
    refused(Why.NO_SECRET, lambda: other.issue_derived("spring", 1, BY))


def test_a_defect_that_is_logged_names_nobody(store: Store) -> None:
    statement = sa.text("INSERT INTO nowhere VALUES (:owner)")
    with pytest.raises(sa.exc.DBAPIError) as raised, store.write() as connection:
        connection.execute(statement, {"owner": "bob@mail.example"})
    assert "nowhere" in str(raised.value)
    assert "bob@" not in str(raised.value)
