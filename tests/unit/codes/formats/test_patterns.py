"""The pattern language, and what follows from a pattern."""

import re
from collections import Counter

import pytest

from reftrail.codes.formats.patterns import (
    UNAMBIGUOUS,
    Alphabet,
    Malformed,
    Mistyped,
    Pattern,
    Reading,
    collision,
    next_collides,
    right_guess,
)

STRUCTURED = Pattern.of(
    "{programme:PRG|VIP}-{year:2020-2039}-{region:@@}-{sequence:####}-{status:A|R}"
)
WORDY = Pattern.of("{programme:PRG}-{year:2020-2039}-{region:@@}-{sequence:###}-{status:Active|R}")
CHECKED = Pattern.of("REF{body:8}{check}")


def malformed(pattern: Pattern, text: str) -> Malformed:
    read = pattern.read(text)
    assert isinstance(read, Malformed), read
    return read


def test_the_alphabet_is_letters_and_digits_without_those_taken_for_others() -> None:
    letters = [symbol for symbol in UNAMBIGUOUS.symbols if symbol.isalpha()]
    assert (len(letters), len(UNAMBIGUOUS)) == (23, 31)
    assert not set("01OIL") & set(UNAMBIGUOUS.symbols)
    assert UNAMBIGUOUS.is_prime


def test_the_default_is_ref_and_nine_symbols() -> None:
    pattern = Pattern.random()
    assert str(pattern) == "REF{body:9}"
    assert pattern.size == pattern.random_size == 31**9 == 26_439_622_160_671
    assert re.fullmatch("REF[2-9A-HJKMNP-Z]{9}", pattern.generate())
    assert pattern.expression == "REF[2-9A-HJKMNP-Z]{9}"


def test_any_prefix_suffix_length_and_alphabet() -> None:
    pattern = Pattern.random("SHIP-", 5, "-EU", check=True, alphabet=Alphabet("abcde23"))
    assert str(pattern) == "SHIP-{body:5}{check}-EU"
    assert re.fullmatch("SHIP-[a-e23]{6}-EU", pattern.generate())


def test_structured_codes_are_read_in_either_case() -> None:
    assert STRUCTURED.read(" prg-2025-us-0429-a ") == Reading(
        "PRG-2025-US-0429-A",
        {
            "programme": "PRG",
            "year": "2025",
            "region": "US",
            "sequence": "0429",
            "status": "A",
        },
    )
    read = WORDY.read("PRG-2025-US-001-ACTIVE")
    assert isinstance(read, Reading)
    assert read.code == "PRG-2025-US-001-Active"


def test_structured_codes_are_composed_of_their_values() -> None:
    code = STRUCTURED.compose(
        {"programme": "vip", "year": "2039", "region": "de", "sequence": "0001", "status": "R"}
    )
    assert code == "VIP-2039-DE-0001-R"
    assert STRUCTURED.size == 2 * 20 * 26**2 * 10**4 * 2


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"year": "2025"}, "say which region: "),
        ({"year": "2040", "region": "US"}, "year is '2040', but must match "),
        ({"year": "2025", "region": "USA"}, "region is 'USA', but must match "),
        ({"year": "2025", "region": "US", "planet": "x"}, "has no segment planet"),
    ],
)
def test_values_that_do_not_fit_are_named(values: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Pattern.of("{year:2020-2039}-{region:@@}-{body:4}").generate(**values)


@pytest.mark.parametrize(
    ("text", "position", "found", "expected"),
    [
        ("PRG-2025-US-0429", 17, "", "'-'"),
        ("PRG-2025-US-04Z9-A", 15, "Z", "one of 0-9"),
        ("PRG-2045-US-0429-A", 5, "2", "year from 2020 to 2039"),
        ("PRG-2025-U1-0429-A", 11, "1", "one of A-Z"),
        ("PRG-2025-US-0429-X", 18, "X", "A or R"),
        ("PRG-2025-US-0429-AB", 19, "B", "the end"),
        ("ABC-2025-US-0429-A", 1, "A", "PRG or VIP"),
        ("  PRG-2025-US-04Z9-A", 17, "Z", "one of 0-9"),
        ("PRG-2025-\N{CYRILLIC CAPITAL LETTER ES}A-0429-A", 10, "С", "one of A-Z"),  # noqa: RUF001
    ],
)
def test_a_fault_is_shown_where_it_was_typed(
    text: str, position: int, found: str, expected: str
) -> None:
    fault = malformed(STRUCTURED, text)
    assert (fault.position, fault.found, fault.expected) == (position, found, expected)


def test_a_sign_that_only_lowers_to_a_letter_is_not_that_letter() -> None:
    assert malformed(Pattern.of("K{body:2}"), "\N{KELVIN SIGN}AA").position == 1
    assert malformed(Pattern.of("K{body:2}"), "K\N{KELVIN SIGN}A").position == 2


def test_grouping_does_not_count() -> None:
    code = CHECKED.compose({"body": "ABCD2345"})
    assert CHECKED.read(f"{code[:3]} {code[3:7]}-{code[7:]}\n") == Reading(
        code, {"body": "ABCD2345"}
    )
    fault = malformed(CHECKED, "REF ABC0")
    assert (fault.position, fault.found) == (8, "0")


def test_hyphens_count_where_the_pattern_has_some() -> None:
    assert malformed(STRUCTURED, "PRG2025US0429A").position == 4


def test_one_unreadable_symbol_is_suggested_since_only_one_adds_up() -> None:
    code = CHECKED.compose({"body": "ABCD2345"})
    assert malformed(CHECKED, code[:6] + "0" + code[7:]).suggestion == code
    assert malformed(CHECKED, code[:6] + "01" + code[8:]).suggestion is None
    assert malformed(CHECKED, "P" + code[1:]).suggestion == code


def test_without_a_check_symbol_no_symbol_is_suggested() -> None:
    assert malformed(Pattern.random(), "REFABC0EFGHJ").suggestion is None


def test_exchanged_neighbours_are_mistyped_and_put_back() -> None:
    code = CHECKED.compose({"body": "ABCD2345"})
    assert CHECKED.read(code[:4] + code[5] + code[4] + code[6:]) == Mistyped(code)


def test_a_suggestion_is_made_only_if_it_is_the_only_one() -> None:
    read = [CHECKED.read("REF" + CHECKED.alphabet.write(n * 77_777, 9)) for n in range(3_000)]
    made = Counter(answer.suggestion is None for answer in read if isinstance(answer, Mistyped))
    assert made[True] > made[False] > 0


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "1 to 64 characters"),
        ("REF{body:80}", "1 to 64 characters"),
        ("REF{body:0}", "1 or more"),
        ("REF{body}", "write {check} without values"),
        ("REF{check:3}", "write {check} without values"),
        ("REF{body:9", "from character 4"),
        ("REF ÄÖ{body:9}", "codes may have only"),
        ("{a:3}{a:4}", "only once"),
        ("{check}{a:4}", "behind the symbols"),
        ("{a:4}{check}{check}", "behind the symbols"),
        ("AB{check}", "behind the symbols"),
        ("{a:30}{check}", "greater than the 31 symbols"),
        ("{year:2030-2020}", "write a range"),
        ("{year:1-100}", "write a range"),
        ("{status:A|a}", "each once"),
        ("{status:A|B-C}", "only letters and digits"),
        ("{status:A|Bcd}X", "write - or _ behind status"),
    ],
)
def test_patterns_that_cannot_work_are_refused_with_the_reason(
    pattern: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Pattern.of(pattern)


@pytest.mark.parametrize("symbols", ["", "A", "AA", "Aa", "AÄ", "A-B"])
def test_alphabets_that_cannot_work_are_refused(symbols: str) -> None:
    with pytest.raises(ValueError, match="alphabet"):
        Alphabet(symbols)


def test_a_check_symbol_needs_a_prime_alphabet() -> None:
    with pytest.raises(ValueError, match="prime"):
        Pattern.of("{body:5}{check}", Alphabet("0123456789"))


def test_the_odds_of_a_collision_are_those_of_birthdays() -> None:
    assert collision(365, 23) == pytest.approx(0.5, abs=0.01)
    assert collision(31**9, 1_000_000) == pytest.approx(0.0187, rel=0.01)
    assert collision(10, 11) == 1.0
    assert collision(10, 1) == 0.0


def test_the_odds_of_a_retry_and_of_a_guess() -> None:
    assert next_collides(1_000, 100) == 0.1
    assert next_collides(1_000, 100, tries=6) == pytest.approx(1e-6)
    assert right_guess(10**6, 10) == 1e-5
    assert right_guess(10**6, 10, guesses=1_000) == pytest.approx(1e-2)
    assert right_guess(10, 9, guesses=9) == 1.0


def test_drawn_symbols_are_uniform() -> None:
    pattern = Pattern.random(length=9)
    drawn = Counter(symbol for _ in range(4_000) for symbol in pattern.generate()[3:])
    expected = 4_000 * 9 / 31
    chi_square = sum((drawn[symbol] - expected) ** 2 / expected for symbol in UNAMBIGUOUS.symbols)
    assert chi_square < 90  # 30 degrees of freedom: once in 10 million runs by chance
