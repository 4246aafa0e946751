"""The collector's table of codes, from the records of codes and formats."""

import logging
from typing import Any

import pytest

from reftrail.code_lookup import format_evidence, known_codes
from reftrail.code_lookup.facts import UNKNOWN, CodeFacts
from reftrail.code_lookup.format_evidence import FormatEvidence
from reftrail.code_lookup.known_codes import KnownCodes
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Pattern
from reftrail.codes.formats.patterns.check import check_symbol
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.reference import CodeChanged, CodeFormatDefined, CodeStatus
from reftrail.testing import code

SECRET = MasterSecret("c1", b"m" * 32)
SPRING = DerivedCodes(
    "spring", SECRET.of_campaign("spring"), Pattern.of("SPR{body:8}{check}"), 1_000
)
FORGED = "SPRABCDEFGH" + check_symbol(SPRING.pattern.alphabet, "ABCDEFGH")
MISTYPED = SPRING.code(1)[:-1] + ("A" if SPRING.code(1)[-1] != "A" else "B")


def derived(name: str = "spring", revision: int = 1, **found: Any) -> CodeFormatDefined:
    facts: dict[str, Any] = {
        "event_id": f"{name} {revision}",
        "event_time": 1,
        "received_at": 1,
        "kind": "derived",
        "pattern": "SPR{body:8}{check}",
        "campaign_id": "spring",
        "channel": "leaflet",
        "count": 100,
        "key_id": "c1",
    }
    return CodeFormatDefined(name=name, revision=revision, **(facts | found))


def random(**found: Any) -> CodeFormatDefined:
    plain = {"kind": "registered", "pattern": "REF{body:9}", "campaign_id": None, "key_id": None}
    return derived("random", **(plain | {"channel": None} | found))


def known(
    *records: CodeChanged | CodeFormatDefined, secret: MasterSecret | None = SECRET
) -> KnownCodes:
    codes = KnownCodes(secret)
    take(codes, *records)
    return codes


def take(codes: KnownCodes, *records: CodeChanged | CodeFormatDefined) -> None:
    for record in records:
        if isinstance(record, CodeChanged):
            codes.take(record)
        else:
            codes.take_format(record)


def test_a_registered_code_is_what_its_record_says_whatever_its_status() -> None:
    for status in CodeStatus:
        codes = known(code("AMY", category="media", channel="mail", status=status))
        assert codes.lookup("AMY") == CodeFacts("spring", "media", "mail", "AMY")
        assert codes.is_settled("AMY")
    assert known().lookup("AMY") == UNKNOWN
    assert not known().is_settled("AMY")


def test_the_highest_revision_counts_whichever_came_last() -> None:
    codes = known(code("AMY", channel="new", revision=2), code("AMY", channel="old", revision=1))
    assert codes.lookup("AMY").channel == "new"
    take(codes, code("AMY", channel="newest", revision=2))
    assert codes.lookup("AMY").channel == "newest"


def test_a_code_that_was_taken_out_is_unknown() -> None:
    codes = known(code("AMY"), code("BOB"))
    codes.drop("AMY")
    codes.drop("nobody")
    assert codes.lookup("AMY") == UNKNOWN
    assert len(codes) == 1


def test_a_code_is_found_by_its_canonical_spelling_where_a_format_reads_it() -> None:
    codes = known(random(), code("REFABCDEFGHJ"), code("AMY-SMITH"))
    assert codes.lookup("ref-abcdef-ghj") == CodeFacts("spring", code="REFABCDEFGHJ")
    assert codes.is_settled("ref-abcdef-ghj")
    assert codes.lookup(" amy-smith") == CodeFacts("spring", code="AMY-SMITH")
    assert codes.lookup("ref-222222222") == CodeFacts(code="REF222222222", known=False)
    assert not codes.is_settled("ref-222222222")


def test_a_code_registered_as_it_is_typed_is_that_one() -> None:
    codes = known(random(), code("refabcdefghj", channel="own"), code("REFABCDEFGHJ"))
    own = CodeFacts("spring", channel="own", code="refabcdefghj")
    assert codes.lookup("refabcdefghj") == own
    take(codes, random(revision=2, status="retired"))
    assert codes.lookup("refabcdefghj").code == "refabcdefghj"


@pytest.mark.parametrize("registered", ["AMY", "Amy", "amy"])
def test_a_code_is_found_in_any_case_and_told_as_it_is_registered(registered: str) -> None:
    codes = known(code(registered, channel="mail"))
    for typed in ("AMY", "amy", "Amy", "AMY ", " amy\n", "\u00a0aMy"):
        assert codes.lookup(typed) == CodeFacts("spring", None, "mail", registered)
        assert codes.spelling(typed) == registered
        assert codes.is_settled(typed)
        assert codes.unregistered(typed) is None
    take(codes, code(registered, channel="web", revision=2))
    assert codes.lookup("aMY").channel == "web"
    codes.drop(registered)
    assert codes.lookup("amy") == codes.lookup(registered) == UNKNOWN
    assert codes.spelling(" amy") == "AMY"
    assert not codes.is_settled("amy")


def test_a_letter_that_only_str_upper_takes_for_another_is_no_code() -> None:
    codes = known(code("KIM-S"))
    for typed in ("k\u0131m-s", "kim-\u017f", "\u212aim-s"):
        assert codes.lookup(typed) == UNKNOWN
    for typed in ("kim-s", "kim s", "\uff4bim\u3000-s"):
        assert codes.lookup(typed).code == "KIM-S"


@pytest.mark.parametrize("order", [("Amy", "aMY"), ("aMY", "Amy")])
def test_two_codes_of_an_older_topic_that_differ_in_case_only_stay_two(
    order: tuple[str, str],
) -> None:
    codes = known(*map(code, order))
    assert [codes.lookup(spelling).code for spelling in ("Amy", " aMY ", "amy")] == [
        "Amy",
        "aMY",
        "Amy",
    ]
    codes.drop("Amy")
    assert codes.lookup("amy").code == codes.lookup("Amy").code == "aMY"
    take(codes, code("AMY"))
    assert codes.lookup("amy").code == "AMY"


def test_a_derived_code_proves_itself_and_needs_no_reading() -> None:
    codes = known(derived())
    genuine = SPRING.code(100)
    for typed in (genuine, genuine.lower(), f"spr-{genuine[3:]}"):
        assert codes.lookup(typed) == CodeFacts(
            "spring", None, "leaflet", genuine, evidence=CodeEvidence.DERIVED
        )
        assert codes.is_settled(typed)


def test_the_record_of_a_derived_code_counts_where_there_is_one() -> None:
    codes = known(derived(), code(SPRING.code(1), channel="poster"))
    assert codes.lookup(SPRING.code(1)).channel == "poster"
    spelt = codes.lookup(SPRING.code(1).lower())
    assert spelt == CodeFacts("spring", channel="poster", code=SPRING.code(1))


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (FORGED, CodeFacts(code=FORGED, known=False, evidence=CodeEvidence.FORGED)),
        (FORGED.lower(), CodeFacts(code=FORGED, known=False, evidence=CodeEvidence.FORGED)),
        (MISTYPED, CodeFacts(known=False, evidence=CodeEvidence.MISTYPED)),
        ("SPR1", CodeFacts(known=False, evidence=CodeEvidence.MALFORMED)),
        ("XYZ", UNKNOWN),
    ],
)
def test_a_code_that_is_not_genuine_is_read_on_for(text: str, facts: CodeFacts) -> None:
    """It may have been registered a moment ago, or its campaign may have grown."""
    codes = known(derived())
    assert codes.lookup(text) == facts
    assert not codes.is_settled(text)
    take(codes, code(facts.code or text))
    assert codes.lookup(text).known is True
    assert codes.is_settled(text)


def test_a_campaign_that_grows_makes_codes_genuine_that_were_forged_before() -> None:
    codes = known(derived())
    assert codes.lookup(SPRING.code(101)).evidence == CodeEvidence.FORGED
    take(codes, derived(revision=2, count=101), derived(revision=1))
    assert codes.lookup(SPRING.code(101)).evidence == CodeEvidence.DERIVED


def test_codes_of_a_retired_format_count_no_longer_registered_or_not() -> None:
    bound, loose = SPRING.code(1), SPRING.code(2)
    codes = known(derived(status="retired"), code(bound), code("SPRING"))
    retired = CodeFacts(code=loose, known=False, evidence=CodeEvidence.RETIRED)
    assert codes.lookup(loose) == retired
    assert codes.lookup(bound) == retired._replace(code=bound, campaign_id="spring")
    assert codes.lookup("SPRING").known is True, "it is of no format, and begins so by chance"
    take(codes, derived(revision=2))
    assert codes.lookup(loose).evidence == CodeEvidence.DERIVED
    assert codes.lookup(bound) == CodeFacts("spring", code=bound)


def test_a_format_that_was_taken_out_says_nothing() -> None:
    codes = known(derived())
    assert codes.lookup(SPRING.code(1)).known is True
    codes.drop_format("spring")
    codes.drop_format("nobody")
    assert codes.lookup(SPRING.code(1)) == UNKNOWN


@pytest.mark.parametrize("secret", [None, MasterSecret("c2", b"m" * 32)])
def test_without_the_secret_nobody_can_tell_and_the_log_says_so_once(
    secret: MasterSecret | None, caplog: pytest.LogCaptureFixture
) -> None:
    codes = known(derived(), random(), code(SPRING.code(2)), secret=secret)
    with caplog.at_level(logging.WARNING):
        assert codes.lookup(SPRING.code(1)) == CodeFacts(code=SPRING.code(1), known=None)
        assert codes.lookup(SPRING.code(2)).known is True
        assert codes.lookup(MISTYPED).evidence == CodeEvidence.MISTYPED
        assert not codes.is_settled(SPRING.code(1))
        take(codes, derived(revision=2))
        assert codes.lookup(SPRING.code(1)).known is None
    (said,) = caplog.messages
    assert "codes of spring can't be checked" in said
    assert "REFTRAIL_CODES_SECRET" in said
    assert "(c1)" in said


def test_a_format_that_cannot_be_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    codes = known(
        derived("broken", pattern="{"),
        derived(),
        derived("clashing", kind="registered", pattern="SPR{body:9}"),
        code("AMY"),
    )
    assert codes.lookup(SPRING.code(1)).evidence == CodeEvidence.DERIVED
    assert codes.lookup("AMY").known is True
    assert ["broken" in caplog.messages[0], "clashing" in caplog.messages[1]] == [True, True]
    assert len(caplog.messages) == 2


@pytest.mark.parametrize("text", ["", "A" * 65, "a: b", "é", "a:b"])
def test_what_no_code_is_written_like_is_not_read_on_for(text: str) -> None:
    assert known(derived()).is_settled(text)


def test_without_formats_the_evidence_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def counted(*given: Any) -> FormatEvidence:
        made.append(given)
        return FormatEvidence(*given)

    monkeypatch.setattr(format_evidence, "FormatEvidence", counted)
    known = KnownCodes(None)
    assert [known.lookup(text) for text in ("A", "B", "C")] == [UNKNOWN] * 3
    assert len(made) == 1


def test_facts_that_were_asked_for_are_those_of_now() -> None:
    text = SPRING.code(1)
    codes = known(code(text, category="books"), derived())
    seen = [codes.lookup(text)]
    assert codes.is_settled(text)
    codes.take(code(text, category="toys", revision=2))
    seen.append(codes.lookup(text))
    codes.take_format(derived(revision=2, status="retired"))
    seen.append(codes.lookup(text))
    codes.drop_format("spring")
    seen.append(codes.lookup(text))
    codes.drop(text)
    seen.append(codes.lookup(text))
    assert [facts.category for facts in seen] == ["books", "toys", "toys", "toys", None]
    assert [facts.known for facts in seen] == [True, True, False, True, False]
    assert not codes.is_settled(text)


def test_few_facts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_codes, "_MOST_FOUND", 2)
    codes = known(*(code(f"C{number}") for number in range(5)))
    for _ in range(2):
        assert [codes.lookup(f"c{number}").code for number in range(5)] == [
            f"C{number}" for number in range(5)
        ]
