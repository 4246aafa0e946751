"""Every act on codes, on SQLite and PostgreSQL."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import repeat

import pytest
import sqlalchemy as sa
from support.codes import BY, SECRET, SUMMER

from reftrail.codes.model import (
    ActRefused,
    Answer,
    By,
    Changes,
    Code,
    Filter,
    FormatTerms,
    GivenCode,
    PerUser,
    Signup,
    Terms,
    Why,
)
from reftrail.codes.service import CodeService, batches
from reftrail.codes.store import Store, outbox
from reftrail.codes.store.tables import installed
from reftrail.contracts.codec import decode
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.reference import (
    CodeAct,
    CodeActed,
    CodeChanged,
    CodeFormatDefined,
    CodeStatus,
    FormatKind,
)

NOW = BY.at or 0
LATER = replace(BY, at=NOW + 1_000)
AMY = replace(SUMMER, owner_user_id="amy", record_kind="ticket", record_id="77")
DERIVED = FormatTerms(
    name="spring",
    pattern="SPR{body:8}{check}",
    kind=FormatKind.DERIVED,
    campaign_id="spring",
    category="print",
)
STRUCTURED = FormatTerms(
    name="programme",
    pattern="{programme:PRG|VIP}-{year:2020-2039}-{region:@@}-{sequence:###}-{status:A|R}",
)
PLACE = {"programme": "PRG", "year": "2025", "region": "US", "status": "A"}


def refused(why: Why, do: Callable[[], object]) -> str:
    with pytest.raises(ActRefused) as caught:
        do()
    assert caught.value.why == why, caught.value
    return str(caught.value)


def sent(store: Store) -> list[object]:
    """What waits for Kafka."""
    with store.read() as connection:
        return [decode(message.value) for message in outbox.first_waiting(connection, 100_000)]


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


@pytest.fixture
def chunks_of_100(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", 100)


@pytest.mark.usefixtures("chunks_of_100")
def test_codes_are_issued_in_bulk_in_the_order_of_their_terms(codes: CodeService) -> None:
    terms = [replace(SUMMER, owner_user_id=f"user{n}") for n in range(250)]
    chunks = list(codes.issue_each(terms, BY))
    assert [len(chunk) for chunk in chunks] == [100, 100, 50]
    issued = [code for chunk in chunks for code in chunk]
    assert [code.changed.owner_user_id for code in issued] == [one.owner_user_id for one in terms]
    assert len({code.code for code in issued}) == 250
    batches = {codes.audit(code.code)[0].batch_id for code in issued[::50]}
    assert len(batches) == 1
    assert None not in batches
    assert next(one.used for one in codes.formats()) == 250


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
    used = next(one.used for one in codes.formats() if one.defined.name == "tiny")
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
    counts = [one.count for one in records if isinstance(one, CodeFormatDefined)]
    revisions = [one.revision for one in records if isinstance(one, CodeFormatDefined)]
    lines = [one for one in records if isinstance(one, CodeActed)]
    assert (counts, revisions) == ([0, 1_000, 1_500], [1, 2, 3])
    assert [(one.code, one.codes, one.campaign_id) for one in lines] == [
        (None, 0, "spring"),
        (None, 1_000, "spring"),
        (None, 500, "spring"),
    ]
    assert not any(isinstance(one, CodeChanged) for one in records)
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


def test_binding_either_side_later(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    assert codes.bind(code, BY, owner_user_id="amy").changed.owner_user_id == "amy"
    bound = codes.bind(code, BY, record=("ticket", "1"))
    assert (bound.changed.owner_user_id, bound.changed.record_id) == ("amy", "1")
    assert codes.bind(code, BY, owner_user_id="amy") == bound
    refused(Why.CLASH, lambda: codes.bind(code, BY, owner_user_id="eve"))
    refused(Why.CLASH, lambda: codes.bind(code, BY, record=("ticket", "2")))
    refused(Why.INVALID, lambda: codes.bind(code, BY))
    refused(Why.NOT_FOUND, lambda: codes.bind("NOWHERE", BY, owner_user_id="amy"))
    assert [line.revision for line in codes.audit(code)] == [1, 2, 3]


def test_changing(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    changes = Changes(max_uses=5, regions=("us",), channel_limits={"mail": 2}, notes="x")
    changed = codes.change(code, LATER, changes)
    assert (changed.changed.max_uses, changed.changed.regions) == (5, ["US"])
    assert changed.channel_limits == {"mail": 2}
    line = codes.audit(code)[1]
    assert json.loads(line.before or "") == {
        "max_uses": None,
        "regions": [],
        "channel_limits": {},
        "notes": None,
    }
    assert codes.change(code, LATER, Changes(max_uses=None)).changed.max_uses is None
    refused(Why.INVALID, lambda: codes.change(code, BY, Changes(max_distributes=-1)))
    codes.revoke(code, BY)
    refused(Why.STATUS, lambda: codes.change(code, BY, Changes(notes="y")))


def test_handing_out_counts_and_stops_at_the_limits(codes: CodeService) -> None:
    terms = replace(SUMMER, max_distributes=4, channel_limits={"mail": 2})
    code = codes.issue(terms, BY).code
    codes.distribute(code, BY, channel="mail", count=2)
    refused(Why.LIMIT, lambda: codes.distribute(code, BY, channel="mail"))
    codes.distribute(code, BY, channel="web")
    done = codes.distribute(code, BY)
    assert (done.distributed, done.distributed_by_channel) == (4, {"mail": 2, "web": 1})
    assert done.left_to_distribute == 0
    assert json.loads(codes.audit(code)[2].after or "") == {
        "distributed": 3,
        "distributed_by_channel": {"mail": 2, "web": 1},
    }
    refused(Why.LIMIT, lambda: codes.distribute(code, BY))
    refused(Why.INVALID, lambda: codes.distribute(code, BY, count=0))
    assert codes.verify(code).is_valid
    assert codes.verify(code, distributing=True).answer == Answer.USED_UP
    assert codes.find(code) == done
    elsewhere = codes.issue(replace(SUMMER, channels=("web",)), BY).code
    refused(Why.LIMIT, lambda: codes.distribute(elsewhere, BY, channel="mail"))


def test_statuses(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    assert codes.suspend(code, BY).changed.status == "suspended"
    assert codes.suspend(code, BY).changed.revision == 2
    refused(Why.STATUS, lambda: codes.distribute(code, BY))
    assert codes.reactivate(code, BY).changed.status == "active"
    expired = codes.expire(code, LATER)
    assert (expired.changed.status, expired.changed.expires_at) == ("expired", LATER.at)
    refused(Why.STATUS, lambda: codes.reactivate(code, LATER))
    codes.change(code, LATER, Changes(expires_at=None))
    assert codes.reactivate(code, LATER).changed.status == "active"
    assert codes.revoke(code, BY).changed.status == "revoked"
    revoked = codes.revoke(code, BY)
    refused(Why.STATUS, lambda: codes.reactivate(code, BY))
    refused(Why.STATUS, lambda: codes.suspend(code, BY))
    assert codes.find(code) == revoked
    acts = [line.act for line in codes.audit(code)]
    assert acts == [
        "issued",
        "suspended",
        "reactivated",
        "expired",
        "changed",
        "reactivated",
        "revoked",
    ]


def test_since_when_a_code_is_stopped_stays_known(codes: CodeService) -> None:
    code = codes.issue(SUMMER, BY).code
    codes.suspend(code, BY)
    changed = codes.change(code, LATER, Changes(notes="x")).changed
    assert (changed.event_time, changed.revision) == (NOW, 3)
    assert codes.audit(code)[2].event_time == LATER.at
    assert codes.reactivate(code, LATER).changed.event_time == LATER.at


def test_a_code_is_replaced_by_one_on_the_same_terms(codes: CodeService) -> None:
    old = codes.issue(replace(AMY, max_uses=3, channel_limits={"mail": 2}), BY)
    codes.distribute(old.code, BY, channel="mail")
    done = codes.reissue(old.code, LATER)
    assert done.old.changed.status == "revoked"
    assert done.new.code != old.code
    assert (done.new.changed.owner_user_id, done.new.changed.record_id) == ("amy", "77")
    assert (done.new.changed.max_uses, done.new.distributed) == (3, 0)
    assert done.new.channel_limits == {"mail": 2}
    hidden = done.new.without_record().changed
    assert (hidden.record_kind, hidden.record_id) == (None, None)
    old_line, new_line = codes.audit(old.code)[-1], codes.audit(done.new.code)[0]
    assert (old_line.act, new_line.act) == ("reissued", "issued")
    assert old_line.batch_id == new_line.batch_id is not None
    refused(Why.STATUS, lambda: codes.reissue(old.code, BY))


def test_a_structured_code_is_replaced_by_the_next_of_its_place(codes: CodeService) -> None:
    codes.define_format(STRUCTURED, BY)
    old = codes.issue(SUMMER, BY, format_name="programme", **PLACE)
    assert codes.reissue(old.code, BY).new.code == "PRG-2025-US-002-A"


def test_a_derived_or_chosen_code_is_replaced_by_a_drawn_one(codes: CodeService) -> None:
    codes.define_format(DERIVED, BY)
    codes.issue_derived("spring", 10, BY)
    genuine = codes.derived_codes("spring").code(3)
    new = codes.reissue(genuine, BY).new
    assert (new.format_name, new.changed.campaign_id) == ("random", "spring")
    assert codes.verify(genuine).answer == Answer.REVOKED
    chosen = codes.issue_chosen("AMYS", AMY, BY)
    assert codes.reissue(chosen.code, BY).new.format_name == "random"


@pytest.mark.usefixtures("chunks_of_100")
def test_acts_on_many(codes: CodeService) -> None:
    for campaign in ("summer", "winter"):
        list(codes.issue_each(repeat(Terms(campaign_id=campaign), 150), BY))
    summer = Filter(campaign_id="summer")
    some = codes.page(summer, limit=2).codes
    codes.revoke(some[0].code, BY)
    chunks = list(codes.act_on_all(CodeAct.SUSPENDED, summer, BY))
    assert [len(chunk) for chunk in chunks] == [100, 49]
    assert {code.changed.status for chunk in chunks for code in chunk} == {"suspended"}
    assert len({codes.audit(code.code)[-1].batch_id for code in chunks[0][::20]}) == 1
    assert list(codes.act_on_all(CodeAct.SUSPENDED, summer, BY)) == []
    prefix = Filter(prefix=chunks[0][0].code)
    ((one,),) = codes.act_on_all(CodeAct.REVOKED, prefix, BY)
    assert one.code == chunks[0][0].code
    active = codes.page(Filter(campaign_id="winter", status=CodeStatus.ACTIVE), limit=150)
    assert len(active.codes) == 150
    refused(Why.INVALID, lambda: codes.act_on_all(CodeAct.REVOKED, Filter(), BY))
    refused(Why.INVALID, lambda: codes.act_on_all(CodeAct.BOUND, summer, BY))


def test_codes_that_ran_out_are_noted(codes: CodeService) -> None:
    ends = [NOW + 10, NOW + 20, None]
    issued = [codes.issue(replace(SUMMER, expires_at=at), BY).code for at in ends]
    when = replace(BY, at=NOW + 10)
    ((code,),) = codes.act_on_all(CodeAct.EXPIRED, Filter(expires_before=NOW + 11), when)
    assert (code.code, code.changed.expires_at) == (issued[0], NOW + 10)


def test_listing_page_by_page_while_codes_are_added(codes: CodeService) -> None:
    issued = {c.code for chunk in codes.issue_each(repeat(AMY, 25), BY) for c in chunk}
    codes.issue(replace(SUMMER, owner_user_id="bob"), BY)
    which = Filter(owner_user_id="amy")
    listed: list[Code] = []
    cursor = None
    while True:
        page = codes.page(which, cursor=cursor, limit=10)
        listed += page.codes
        cursor = page.next_cursor
        codes.issue(replace(SUMMER, owner_user_id="bob"), BY)
        if cursor is None:
            break
    assert [one.code for one in listed] == sorted(issued)
    cursor = codes.page(which, limit=10).next_cursor
    refused(Why.INVALID, lambda: codes.page(Filter(owner_user_id="bob"), cursor=cursor))
    for broken in ("", "x", "e30", "W10"):
        refused(Why.INVALID, lambda: codes.page(which, cursor=broken))  # noqa: B023
    refused(Why.INVALID, lambda: codes.page(which, limit=1_001))


def test_listing_by_prefix_and_status(codes: CodeService) -> None:
    given = [GivenCode(code=code, terms=SUMMER) for code in ("AB", "ABC", "AB_", "abz", "AC", "aA")]
    codes.register(given, BY)
    for prefix in ("AB", "ab"):
        found = codes.page(Filter(prefix=prefix)).codes
        assert [one.code for one in found] == ["AB", "ABC", "abz", "AB_"]
    first = codes.page(Filter(prefix="ab"), limit=3)
    rest = codes.page(Filter(prefix="ab"), cursor=first.next_cursor, limit=3)
    assert [one.code for one in (*first.codes, *rest.codes)] == ["AB", "ABC", "abz", "AB_"]
    codes.suspend("ABC", BY)
    found = codes.page(Filter(prefix="AB", status=CodeStatus.SUSPENDED)).codes
    assert [one.code for one in found] == ["ABC"]


def test_registering_is_all_or_nothing_and_idempotent(codes: CodeService) -> None:
    amy = GivenCode(code="AMY1", terms=replace(AMY, max_uses=3))
    bob = GivenCode(code="bob1", terms=SUMMER, created_at=5)
    done = codes.register([amy, bob, amy], BY)
    assert (done.added, done.unchanged) == (2, 1)
    assert codes.register([amy, bob], BY).unchanged == 2
    found = codes.find("bob1")
    assert found is not None
    assert (found.changed.created_at, found.changed.origin) == (5, "given")
    codes.suspend("AMY1", BY)
    assert codes.register([amy], BY).unchanged == 1
    stolen = GivenCode(code="AMY1", terms=replace(AMY, owner_user_id="eve"))
    new = GivenCode(code="EVE1", terms=SUMMER)
    said = refused(Why.CLASH, lambda: codes.register([new, stolen], BY))
    assert "AMY1 exists already, otherwise than given" in said
    assert codes.find("EVE1") is None
    for wrong in ("", "A: B", "Ä", "A" * 65):
        one = GivenCode(code=wrong, terms=SUMMER)
        refused(Why.INVALID, lambda: codes.register([one], BY))  # noqa: B023


@pytest.mark.usefixtures("chunks_of_100")
def test_an_import_reports_its_clashes(codes: CodeService) -> None:
    codes.define_format(DERIVED, BY)
    codes.issue_derived("spring", 10, BY)
    genuine = codes.derived_codes("spring").code(1)
    given = [
        GivenCode(code="OLD1", terms=SUMMER),
        GivenCode(code="OLD1", terms=replace(SUMMER, owner_user_id="amy")),
        GivenCode(code=genuine, terms=SUMMER),
        GivenCode(code=genuine, terms=Terms(campaign_id="spring", owner_user_id="amy")),
        *(GivenCode(code=f"N{n}", terms=SUMMER) for n in range(150)),
        GivenCode(code="N7", terms=replace(SUMMER, category="other")),
    ]
    done = codes.import_codes(given, BY)
    assert (done.added, done.unchanged) == (152, 0)
    assert [(clash.place, clash.code) for clash in done.clashes] == [
        (2, "OLD1"),
        (3, genuine),
        (155, "N7"),
    ]
    again = codes.import_codes(given, BY)
    assert (again.added, again.unchanged, len(again.clashes)) == (0, 152, 3)
    assert codes.audit("N7")[0].act == "imported"
    assert codes.verify("N7").is_valid


@pytest.mark.parametrize(
    ("per_user", "codes_of_amy"), [(PerUser.MANY, 4), (PerUser.ONE, 2), (PerUser.SHARED, 1)]
)
def test_how_many_codes_a_user_gets(
    codes: CodeService, per_user: PerUser, codes_of_amy: int
) -> None:
    for campaign in ("summer", "winter"):
        terms = FormatTerms(name=campaign, pattern="R{body:8}", campaign_id=campaign)
        codes.define_format(replace(terms, per_user=per_user), BY)
    for _ in range(2):
        for campaign in ("summer", "winter"):
            codes.issue(Terms(campaign_id=campaign, owner_user_id="amy"), BY)
    held = codes.page(Filter(owner_user_id="amy")).codes
    assert len(held) == codes_of_amy
    twice = next(codes.issue_each(repeat(replace(SUMMER, owner_user_id="bob"), 2), BY))
    assert (twice[0] == twice[1]) == (per_user != PerUser.MANY)
    if per_user == PerUser.MANY:
        return
    refused(Why.CLASH, lambda: codes.issue_chosen("AMYS", replace(AMY), BY))
    free = codes.issue(SUMMER, BY).code
    refused(Why.CLASH, lambda: codes.bind(free, BY, owner_user_id="amy"))
    codes.bind(free, BY, owner_user_id="cleo")
    assert codes.issue(replace(SUMMER, owner_user_id="cleo"), BY).code == free
    given = GivenCode(code="OLD", terms=replace(SUMMER, owner_user_id="amy"))
    old = GivenCode(code="DORAS", terms=replace(SUMMER, owner_user_id="dora"))
    codes.import_codes([old], BY)
    assert codes.issue(old.terms, BY).code == "DORAS"
    assert "is not the one code of amy" in codes.import_codes([given], BY).clashes[0].why
    new = codes.reissue(held[0].code, BY).new
    assert codes.issue(replace(SUMMER, owner_user_id="amy"), BY).changed.campaign_id
    assert new.code in {one.code for one in codes.page(Filter(owner_user_id="amy")).codes}
    campaign_id = new.changed.campaign_id
    assert codes.issue(Terms(campaign_id=campaign_id, owner_user_id="amy"), BY) == new


def test_codes_on_signup_are_issued_once(codes: CodeService) -> None:
    for campaign in ("summer", "winter", "spring"):
        terms = FormatTerms(name=campaign, pattern="R{body:8}", campaign_id=campaign)
        codes.define_format(replace(terms, on_signup=campaign != "spring"), BY)
    codes.issue(AMY, BY)
    users = [Signup(user_id="amy", device_hash="d1"), Signup(user_id="bob")]
    for _ in range(2):
        issued = codes.issue_at_signup(users, BY)
        assert len(issued) == 4
    amys = codes.page(Filter(owner_user_id="amy")).codes
    assert sorted(one.changed.campaign_id for one in amys) == ["summer", "summer", "winter"]
    assert {one.changed.owner_device_hash for one in amys} == {None, "d1"}
    assert len(codes.page(Filter(owner_user_id="bob")).codes) == 2
    codes.retire_format("winter", BY)
    codes.issue_at_signup([Signup(user_id="cleo")], BY)
    assert len(codes.page(Filter(owner_user_id="cleo")).codes) == 1
    for wrong in (DERIVED, STRUCTURED):
        refused(Why.INVALID, lambda: codes.define_format(replace(wrong, on_signup=True), BY))  # noqa: B023


def test_formats_are_defined_once_and_for_all(codes: CodeService) -> None:
    defined = codes.define_format(DERIVED, BY)
    assert codes.define_format(DERIVED, BY) == defined
    changed = codes.define_format(replace(DERIVED, category="cards"), BY)
    assert (changed.defined.revision, changed.defined.category) == (2, "cards")
    for other in (
        replace(DERIVED, pattern="SPR{body:9}{check}"),
        replace(DERIVED, campaign_id="other"),
    ):
        refused(Why.CLASH, lambda: codes.define_format(other, BY))  # noqa: B023
    for wrong in (
        FormatTerms(name="a", pattern="{"),
        FormatTerms(name="", pattern="A{body:9}"),
        FormatTerms(name="a", pattern="A{body:9}", kind=FormatKind.DERIVED, campaign_id="x"),
        FormatTerms(name="a", pattern="A{body:8}{check}", kind=FormatKind.DERIVED),
        FormatTerms(name="a", pattern="SPR{body:9}"),
    ):
        refused(Why.INVALID, lambda: codes.define_format(wrong, BY))  # noqa: B023
    codes.issue_derived("spring", 10, BY)
    genuine = codes.derived_codes("spring").code(1)
    assert codes.verify(genuine).is_valid
    codes.retire_format("spring", BY)
    assert codes.retire_format("spring", BY).defined.revision == 4
    assert codes.verify(genuine).answer == Answer.REVOKED
    refused(Why.INVALID, lambda: codes.issue_derived("spring", 1, BY))
    refused(Why.NOT_FOUND, lambda: codes.retire_format("none", BY))
    codes.define_format(FormatTerms(name="old", pattern="OLD{body:5}"), BY)
    code = codes.issue(SUMMER, BY, format_name="old").code
    codes.retire_format("old", BY)
    refused(Why.INVALID, lambda: codes.issue(SUMMER, BY, format_name="old"))
    assert codes.verify(code).is_valid
    assert codes.reissue(code, BY).new.format_name == "random"


def test_what_a_text_is(codes: CodeService) -> None:
    codes.define_format(DERIVED, BY)
    codes.define_format(FormatTerms(name="checked", pattern="CHK{body:6}{check}"), BY)
    codes.issue_derived("spring", 10, BY)
    genuine = codes.derived_codes("spring").code(1)
    forged = replace(codes.derived_codes("spring"), count=20).code(11)
    terms = replace(SUMMER, channels=("web",), regions=("us",), max_uses=2, expires_at=NOW + 100)
    code = codes.issue(terms, BY, format_name="checked").code
    loose = f" {code[:3].lower()}-{code[3:]} "
    assert codes.verify(loose).code == code
    assert codes.verify(genuine).sequence == 1
    for text, answer in (
        (loose, Answer.VALID),
        (genuine.lower(), Answer.VALID),
        (forged, Answer.FORGED),
        ("CHK" + code[3:-1] + ("2" if code[-1] != "2" else "3"), Answer.MISTYPED),
        ("CHK22!", Answer.MALFORMED),
        (codes.derived_codes("spring").pattern.generate(), Answer.FORGED),
        ("NOWHERE", Answer.UNKNOWN),
        ("", Answer.UNKNOWN),
        ("\0", Answer.UNKNOWN),
        ("A" * 10_000, Answer.UNKNOWN),
    ):
        assert codes.verify(text).answer == answer, text
    assert codes.verify("CHK22!").position == 6
    assert codes.verify(code, channel="web", region="US", uses=1).is_valid
    assert codes.verify(code, channel="mail").answer == Answer.WRONG_CHANNEL
    assert codes.verify(code, region="ca").answer == Answer.WRONG_REGION
    assert codes.verify(code, uses=2).answer == Answer.USED_UP
    assert codes.verify(code, at=NOW + 99).is_valid
    assert codes.verify(code, at=NOW + 100).answer == Answer.EXPIRED
    codes.suspend(code, BY)
    assert codes.verify(code).answer == Answer.SUSPENDED
    codes.revoke(code, BY)
    assert codes.verify(code).answer == Answer.REVOKED
    codes.revoke(genuine, BY)
    assert codes.verify(genuine).answer == Answer.REVOKED


def test_a_newer_store_is_refused(store_url: str) -> None:
    store = Store.open(store_url)
    with store.write() as connection:
        connection.execute(sa.update(installed).values(version=99))
    store.close()
    with pytest.raises(ExpectedError, match="version 99, this reftrail knows version 3"):
        Store.open(store_url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "REFTRAIL_CODES_STORE cannot be used"),
        ("mysql://host/db", "names mysql"),
        ("sqlite://", "names a database in memory"),
        ("sqlite:////nowhere/at/all/codes.sqlite", "does not answer"),
        ("postgresql+psycopg://u:hidden@127.0.0.1:1/db", "does not answer"),
    ],
)
def test_a_store_that_cant_be_opened(url: str, says: str) -> None:
    with pytest.raises(ExpectedError, match=says) as caught:
        Store.open(url)
    assert "hidden" not in str(caught.value)


def test_room_is_told(codes: CodeService, caplog: pytest.LogCaptureFixture) -> None:
    codes.define_format(FormatTerms(name="small", pattern="S{body:3}"), BY)
    list(codes.issue_each(repeat(SUMMER, 400), BY, format_name="small"))
    share = codes.metrics.space_used.labels("small")._value.get()
    assert share == pytest.approx(400 / 31**3)
    assert "format small: 1.3% of the codes drawn exist already" in caplog.text
    codes.define_format(DERIVED, BY)
    codes.issue_derived("spring", 700_000, BY)
    assert "format spring: 700,000 codes are 82% of what one right guess" in caplog.text
    codes.note_capacity()
    assert caplog.text.count("format small: 1.3%") == 1
