"""Judgement of a text under the formats of an installation."""

import re
from dataclasses import replace

import pytest

from reftrail.codes.formats import (
    DerivedFormat,
    Forged,
    Formats,
    RegisteredFormat,
    Retired,
    UnknownFormat,
    Valid,
    WellFormed,
)
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Malformed, Mistyped, Pattern, Reading
from reftrail.codes.formats.patterns.check import check_symbol
from reftrail.codes.formats.selection import Selection, select

STRUCTURED = Pattern.of(
    "{programme:PRG|VIP}-{year:2020-2039}-{region:@@}-{sequence:####}-{status:A|R}"
)
SPRING = DerivedCodes("spring", b"s" * 32, Pattern.of("SPR{body:8}{check}"), 10_000)
AUTUMN = DerivedCodes("autumn", b"s" * 32, Pattern.of("SPR{body:8}{check}"), 10_000)
FORMATS = Formats(
    (
        RegisteredFormat("random", Pattern.random()),
        RegisteredFormat("partners", STRUCTURED, (Selection.of(STRUCTURED, year="2020-2023"),)),
        DerivedFormat("spring", SPRING),
        DerivedFormat("autumn", AUTUMN),
    )
)


def test_a_derived_code_proves_itself_whichever_campaign_it_is_of() -> None:
    assert FORMATS.verify(SPRING.code(7)) == Valid(SPRING.code(7), "spring", "spring", 7)
    assert FORMATS.verify(AUTUMN.code(8).lower()) == Valid(AUTUMN.code(8), "autumn", "autumn", 8)


def test_a_derived_code_made_up_is_forged() -> None:
    body = "ABCDEFGH"
    made_up = f"SPR{body}{check_symbol(SPRING.pattern.alphabet, body)}"
    verdict = FORMATS.verify(made_up)
    assert isinstance(verdict, Forged)
    assert verdict.code == made_up


def test_mistyping_is_noticed_before_anything_is_called_forged() -> None:
    code = SPRING.code(7)
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert isinstance(FORMATS.verify(wrong), Mistyped)
    verdict = FORMATS.verify(code[:5] + "!" + code[6:])
    assert isinstance(verdict, Malformed)
    assert (verdict.position, verdict.suggestion) == (6, code)


def test_of_a_registered_code_only_the_writing_can_be_judged() -> None:
    assert FORMATS.verify("refabcdefghj") == WellFormed(
        Reading("REFABCDEFGHJ", {"body": "ABCDEFGHJ"}), "random"
    )
    assert isinstance(FORMATS.verify("REFABC"), Malformed)


def test_a_code_is_retired_under_the_name_it_has() -> None:
    kept, retired = FORMATS.verify("PRG-2024-US-0001-A"), FORMATS.verify("PRG-2023-US-0001-A")
    assert isinstance(kept, WellFormed)
    assert isinstance(retired, Retired)
    assert retired.reading.code == "PRG-2023-US-0001-A"


def test_a_text_without_a_known_prefix_is_of_no_format() -> None:
    formats = Formats((DerivedFormat("spring", SPRING),))
    assert formats.verify("XYZ") == UnknownFormat()
    assert Formats().verify("XYZ") == UnknownFormat()


def test_of_several_faults_the_one_that_got_farthest_is_told() -> None:
    short = RegisteredFormat("short", Pattern.of("REF-{a:2}"))
    long = RegisteredFormat("long", Pattern.of("REF-{year:2020-2030}-{a:2}"))
    verdict = Formats((long, short)).verify("REF-2025-A1")
    assert isinstance(verdict, Malformed)
    assert verdict.position == 11


def test_rotated_prefixes_hold_side_by_side() -> None:
    rotated = replace(SPRING, pattern=Pattern.of(str(SPRING.pattern).replace("SPR", "NEW")))
    formats = Formats((DerivedFormat("old", SPRING), DerivedFormat("new", rotated)))
    for codes in (SPRING, rotated):
        verdict = formats.verify(codes.code(3))
        assert isinstance(verdict, Valid)
        assert verdict.sequence == 3


def test_a_format_is_found_by_its_prefix_however_that_is_typed() -> None:
    hyphened = RegisteredFormat("hyphened", Pattern.of("A-B{body:4}"))
    formats = Formats((hyphened, RegisteredFormat("any", Pattern.of("{body:7}"))))
    for typed in ("A-B2345", "a-b 2345", " A-B2345"):
        verdict = formats.verify(typed)
        assert isinstance(verdict, WellFormed)
        assert (verdict.format, verdict.reading.code) == ("hyphened", "A-B2345")
    assert Formats((hyphened,)).verify("AB2345") == UnknownFormat()
    without = formats.verify("AB-23456")
    assert isinstance(without, WellFormed)
    assert without.format == "any"


def test_without_suggestions_a_verdict_is_the_same_but_for_them() -> None:
    code = SPRING.code(7)
    for wrong in (code[:-1] + ("A" if code[-1] != "A" else "B"), code[:5] + "!" + code[6:]):
        actual, kept = FORMATS.verify(wrong), FORMATS.verify(wrong, suggest=False)
        assert isinstance(actual, Malformed | Mistyped)
        assert kept == replace(actual, suggestion=None)


@pytest.mark.parametrize("pattern", ["SPR{body:9}", "SP{body:10}", "{body:12}", "spr{body:9}"])
def test_forged_codes_cannot_pass_for_well_formed_ones(pattern: str) -> None:
    registered = RegisteredFormat("other", Pattern.of(pattern))
    with pytest.raises(ValueError, match="could pass for one of other"):
        Formats((registered, DerivedFormat("spring", SPRING)))
    assert Formats((RegisteredFormat("other", Pattern.of("SPR{body:8}")), FORMATS.formats[2]))


def test_words_in_front_are_prefixes_too() -> None:
    worded = RegisteredFormat("worded", Pattern.of("{programme:SPR|X}-{a:8}"))
    with pytest.raises(ValueError, match="could pass for one of worded"):
        Formats((worded, DerivedFormat("spring", SPRING)))
    assert FORMATS.verify("ABC-2025-US-0429-A") == UnknownFormat()
    assert isinstance(FORMATS.verify("VIP-2025-US-0429-"), Malformed)


def test_each_format_has_its_name() -> None:
    with pytest.raises(ValueError, match="name of its own"):
        Formats((FORMATS.formats[0], FORMATS.formats[0]))


CODES = [
    "PRG-2024-US-0001-A",
    "PRG-2025-US-0002-A",
    "PRG-2025-CA-0003-R",
    "VIP-2025-US-0004-A",
    "not a code",
]


@pytest.mark.parametrize(
    ("wanted", "sequences"),
    [
        ({}, ["0001", "0002", "0003", "0004"]),
        ({"year": "2025"}, ["0002", "0003", "0004"]),
        ({"year": "2020-2024"}, ["0001"]),
        ({"region": "US|CA", "status": "R"}, ["0003"]),
        ({"programme": "vip", "region": "us"}, ["0004"]),
        ({"sequence": "0002-0003"}, ["0002", "0003"]),
    ],
)
def test_codes_are_selected_by_segment(wanted: dict[str, str], sequences: list[str]) -> None:
    found = select(STRUCTURED, CODES, Selection.of(STRUCTURED, **wanted))
    assert [reading.values["sequence"] for reading in found] == sequences


def test_a_selection_names_segments_that_are_there() -> None:
    with pytest.raises(ValueError, match=re.escape("sequence, status, but no planet")):
        Selection.of(STRUCTURED, planet="MARS")
