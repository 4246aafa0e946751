"""Lists, imports, formats and stores of codes."""

from dataclasses import replace
from itertools import repeat

import pytest
import sqlalchemy as sa
from support.code_service import AMY, DERIVED, NOW, STRUCTURED, refused
from support.codes import BY, SUMMER

from reftrail.codes.answers import Answer
from reftrail.codes.model import (
    Code,
    Filter,
    FormatTerms,
    GivenCode,
    PerUser,
    Signup,
    Terms,
    Why,
)
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.codes.store.tables import installed
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.reference import (
    CodeStatus,
    FormatKind,
)


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
    assert [code.code for code in listed] == sorted(issued)
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
        assert [code.code for code in found] == ["AB", "ABC", "abz", "AB_"]
    first = codes.page(Filter(prefix="ab"), limit=3)
    rest = codes.page(Filter(prefix="ab"), cursor=first.next_cursor, limit=3)
    assert [code.code for code in (*first.codes, *rest.codes)] == ["AB", "ABC", "abz", "AB_"]
    codes.suspend("ABC", BY)
    found = codes.page(Filter(prefix="AB", status=CodeStatus.SUSPENDED)).codes
    assert [code.code for code in found] == ["ABC"]


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
        code = GivenCode(code=wrong, terms=SUMMER)
        refused(Why.INVALID, lambda: codes.register([code], BY))  # noqa: B023


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
    assert new.code in {code.code for code in codes.page(Filter(owner_user_id="amy")).codes}
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
    assert sorted(amy.changed.campaign_id for amy in amys) == ["summer", "summer", "winter"]
    assert {amy.changed.owner_device_hash for amy in amys} == {None, "d1"}
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
    with pytest.raises(ExpectedError, match="version 99, this reftrail knows version 4"):
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
