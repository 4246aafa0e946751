"""Derived codes of any campaign: the number comes back, and the codes stay when things change."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.patterns import Pattern, Reading

fixed = st.text("ABC123-_", max_size=4)


@st.composite
def campaigns(draw: st.DrawFn) -> DerivedCodes:
    length = draw(st.integers(5, 12))
    pattern = f"{draw(fixed)}{{body:{length}}}{{check}}{draw(fixed)}"
    return DerivedCodes(
        draw(st.text(min_size=1, max_size=8)),
        draw(st.binary(min_size=16, max_size=40)),
        Pattern.of(pattern),
        count=draw(st.integers(1, 31**length)),
        worst_odds=1,
    )


@given(st.data(), campaigns())
def test_the_number_comes_back(data: st.DataObject, codes: DerivedCodes) -> None:
    sequence = data.draw(st.integers(1, codes.count))
    code = codes.code(sequence)
    assert codes.sequence(code) == sequence
    assert isinstance(codes.pattern.read(code), Reading)
    assert list(codes.batches(sequence, sequence)) == [[code]]


@given(st.data(), campaigns(), fixed, fixed)
def test_growing_and_renaming_keep_the_bodies(
    data: st.DataObject, codes: DerivedCodes, prefix: str, suffix: str
) -> None:
    sequence = data.draw(st.integers(1, codes.count))
    length = codes.pattern.random_segments[0].length
    other = replace(
        codes,
        count=data.draw(st.integers(codes.count, 31**length)),
        pattern=Pattern.of(f"{prefix}{{body:{length}}}{{check}}{suffix}"),
    )
    start, end = len(codes.pattern.prefix), len(codes.pattern.prefix) + length + 1
    body = codes.code(sequence)[start:end]
    assert other.code(sequence) == f"{prefix}{body}{suffix}"


@given(st.data(), campaigns())
def test_only_codes_up_to_the_count_are_genuine(data: st.DataObject, codes: DerivedCodes) -> None:
    length = codes.pattern.random_segments[0].length
    everything = replace(codes, count=31**length)
    sequence = data.draw(st.integers(1, 31**length))
    expected = sequence if sequence <= codes.count else None
    assert codes.sequence(everything.code(sequence)) == expected
