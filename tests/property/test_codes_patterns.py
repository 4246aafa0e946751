"""Every pattern: written and read back, drawn and read back, and one with its expression."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from reftrail.codes.formats.patterns import (
    DIGITS,
    LETTERS,
    Alphabet,
    Malformed,
    Mistyped,
    Pattern,
    Reading,
)
from reftrail.codes.formats.patterns.segments import (
    AnySegment,
    Check,
    Fixed,
    Number,
    Symbols,
    Words,
)

ALPHANUMERIC = string.ascii_letters + string.digits
PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31)


@st.composite
def numbers(draw: st.DrawFn, name: str) -> Number:
    digits = draw(st.integers(1, 5))
    first = draw(st.integers(0, 10**digits - 1))
    last = draw(st.integers(first, 10**digits - 1))
    return Number(name, f"{first:0{digits}}", f"{last:0{digits}}")


def words(name: str) -> st.SearchStrategy[Words]:
    word = st.text(ALPHANUMERIC, min_size=1, max_size=6)
    several = st.lists(word, min_size=2, max_size=4, unique_by=str.lower)
    return several.map(lambda found: Words(name, tuple(found)))


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    """Up to four named segments between fixed ones, some random, with or without check symbol."""
    symbols = draw(st.permutations(string.ascii_uppercase + string.digits))
    alphabet = Alphabet("".join(symbols[: draw(st.sampled_from(PRIMES))]))
    segments: list[AnySegment] = []
    for place in range(draw(st.integers(1, 4))):
        name = f"n{'x' * place}"
        kinds: list[st.SearchStrategy[AnySegment]] = [
            st.builds(Symbols, st.just(name), st.just(alphabet), st.integers(1, 9), st.just(True)),
            st.builds(
                Symbols, st.just(name), st.sampled_from([LETTERS, DIGITS]), st.integers(1, 4)
            ),
            numbers(name),
            words(name),
        ]
        segments += [Fixed("-" + draw(st.text(ALPHANUMERIC, max_size=3))), draw(st.one_of(kinds))]
    pattern = Pattern(tuple(segments[draw(st.integers(0, 1)) :]), alphabet)
    drawn = sum(part.length for part in pattern.random_segments)
    if 0 < drawn < len(alphabet) - 1 and draw(st.booleans()):
        return Pattern((*pattern.segments, Fixed("-"), Check(alphabet)), alphabet)
    return pattern


@st.composite
def codes_of(draw: st.DrawFn, pattern: Pattern) -> tuple[str, dict[str, str]]:
    named = [part for part in pattern.segments if not isinstance(part, Fixed | Check)]
    values = {
        part.name: draw(st.from_regex(re.compile(part.expression, re.ASCII), fullmatch=True))
        for part in named
    }
    return pattern.compose(values), values


@given(patterns())
def test_a_pattern_is_what_is_written(pattern: Pattern) -> None:
    assert Pattern.of(str(pattern), pattern.alphabet) == pattern


@given(st.data(), patterns())
def test_a_code_gives_its_values_back(data: st.DataObject, pattern: Pattern) -> None:
    code, values = data.draw(codes_of(pattern))
    assert re.fullmatch(pattern.expression, code)
    least, most = pattern.lengths
    assert least <= len(code) <= most
    for typed in (code, code.lower(), code.upper(), f" {code}\n"):
        assert pattern.read(typed) == Reading(code, values)


@given(st.data(), patterns())
def test_a_drawn_code_is_one_of_the_pattern(data: st.DataObject, pattern: Pattern) -> None:
    _, values = data.draw(codes_of(pattern))
    drawn = {part.name for part in pattern.random_segments}
    given_ = {name: value for name, value in values.items() if name not in drawn}
    read = pattern.read(pattern.generate(**given_))
    assert isinstance(read, Reading)
    assert {name: read.values[name] for name in given_} == given_


@given(st.data(), patterns())
def test_expression_and_reading_accept_the_same(data: st.DataObject, pattern: Pattern) -> None:
    """On codes with one character put in, taken out or changed; in canonical spelling."""
    code, _ = data.draw(codes_of(pattern))
    at = data.draw(st.integers(0, len(code)))
    put, out = data.draw(st.text(ALPHANUMERIC + "-_!", max_size=1)), data.draw(st.integers(0, 1))
    text = code[:at] + put + code[at + out :]
    read = pattern.read(text)
    matched = re.fullmatch(pattern.expression, text) is not None
    if matched:
        assert isinstance(read, Reading | Mistyped)
        assert pattern.has_check or read == Reading(text, getattr(read, "values", {}))
    else:
        assert not isinstance(read, Reading) or read.code != text


@given(patterns(), st.text())
def test_any_text_is_read_without_an_error(pattern: Pattern, text: str) -> None:
    read = pattern.read(text)
    if isinstance(read, Malformed):
        assert 1 <= read.position <= len(text) + 1
        assert read.found == text[read.position - 1 : read.position]


@given(st.data(), patterns())
def test_a_suggestion_is_always_a_code(data: st.DataObject, pattern: Pattern) -> None:
    code, _ = data.draw(codes_of(pattern))
    at = data.draw(st.integers(0, len(code) - 1))
    put = data.draw(st.sampled_from(ALPHANUMERIC + "!"))
    read = pattern.read(code[:at] + put + code[at + 1 :])
    if isinstance(read, Malformed | Mistyped) and read.suggestion is not None:
        again = pattern.read(read.suggestion)
        assert isinstance(again, Reading)
        assert again.code == read.suggestion


@given(numbers("n"))
def test_the_expression_of_a_range_is_exact(number: Number) -> None:
    width = len(number.first)
    matching = re.compile(number.expression)
    edges = {int(number.first) + step for step in (-1, 0, 1)}
    edges |= {int(number.last) + step for step in (-1, 0, 1)} | {0, 10**width - 1}
    for value in edges:
        if 0 <= value < 10**width:
            within = number.first <= f"{value:0{width}}" <= number.last
            assert (matching.fullmatch(f"{value:0{width}}") is not None) == within
