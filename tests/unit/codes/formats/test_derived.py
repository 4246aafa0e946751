"""Codes that follow from a campaign's secret."""

import re
from dataclasses import replace

import numpy as np
import pytest

from reftrail.codes.formats.derived import DerivedCodes, shortest
from reftrail.codes.formats.derived.permutation import Permutation, lengths_over
from reftrail.codes.formats.patterns import DIGITS, UNAMBIGUOUS, Alphabet, Pattern

SECRET = bytes(range(32))
NIST_KEY = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94")


def derived(
    pattern: str = "REF{body:8}{check}",
    count: int = 10_000,
    campaign_id: str = "spring",
    secret: bytes = SECRET,
    worst_odds: float = 1e-6,
) -> DerivedCodes:
    return DerivedCodes(campaign_id, secret, Pattern.of(pattern), count, worst_odds)


def all_codes(codes: DerivedCodes, size: int = 1 << 16) -> list[str]:
    return [code for batch in codes.batches(size=size) for code in batch]


@pytest.mark.parametrize(
    ("key_bytes", "ciphertext"), [(16, "2433477484"), (24, "2830668132"), (32, "6657667009")]
)
def test_the_permutation_is_that_of_nists_examples(key_bytes: int, ciphertext: str) -> None:
    """SP 800-38G, examples 1, 4 and 7 of FF1: those without a tweak, in radix 10."""
    permutation = Permutation(NIST_KEY[:key_bytes], DIGITS, 10)
    assert permutation.permute_one(123_456_789) == ciphertext
    assert permutation.invert_one(ciphertext) == 123_456_789
    numbers = np.array([123_456_789], dtype=np.uint64)
    assert permutation.permute(numbers).tolist() == [int(ciphertext)]


@pytest.mark.parametrize("alphabet", [UNAMBIGUOUS, DIGITS, Alphabet("AB")])
def test_a_batch_and_one_at_a_time_are_one_permutation(alphabet: Alphabet) -> None:
    for length in lengths_over(alphabet):
        permutation = Permutation(SECRET, alphabet, length)
        edges = np.array([0, 1, permutation.size // 2, permutation.size - 1], dtype=np.uint64)
        permuted = permutation.permute(edges)
        for number, to in zip(edges.tolist(), permuted.tolist(), strict=True):
            assert permutation.permute_one(number) == alphabet.write(to, length)
        assert permutation.invert(permuted).tolist() == edges.tolist()


def test_the_lengths_hold_a_million_and_fit_four_bytes_a_half() -> None:
    lengths = lengths_over(UNAMBIGUOUS)
    assert (lengths[0], lengths[-1]) == (5, 12)
    assert 31**4 < 1_000_000 <= 31**5
    assert 31**6 <= 2**32 < 31**7
    assert lengths_over(DIGITS)[0] == 6  # 10**6 is a million, and enough
    with pytest.raises(ValueError, match="takes 5 to 12"):
        Permutation(SECRET, UNAMBIGUOUS, 4)


def test_codes_stay_what_they_are_from_version_to_version() -> None:
    """They are printed on paper: a change must keep the old derivation too."""
    assert all_codes(derived(count=3)) == ["REFDZXK2U4FF", "REFEYXY7X6AZ", "REFXKES8NQND"]


def test_no_two_codes_are_equal_and_each_gives_its_number_back() -> None:
    codes = derived(count=20_000)
    issued = all_codes(codes)
    assert len(set(issued)) == 20_000
    for sequence in (1, 2, 777, 20_000):
        assert codes.code(sequence) == issued[sequence - 1]
        assert codes.sequence(issued[sequence - 1]) == sequence


def test_batches_may_have_any_size_and_begin_anywhere() -> None:
    codes = derived(count=1_000)
    assert all_codes(codes, size=7) == all_codes(codes)
    assert [code for batch in codes.batches(990, 995) for code in batch] == [
        codes.code(sequence) for sequence in range(990, 996)
    ]
    assert list(codes.batches(1_001)) == []
    for first, last in ((0, 5), (5, 1_001), (7, 5)):
        with pytest.raises(ValueError, match="has codes 1 to 1000"):
            list(codes.batches(first, last))


def test_the_suffix_stands_at_the_end() -> None:
    codes = derived("{body:8}{check}-EU", count=10)
    assert all_codes(codes) == [codes.code(sequence) for sequence in range(1, 11)]
    assert re.fullmatch("[2-9A-HJKMNP-Z]{9}-EU", codes.code(1))


def test_growing_and_editing_keep_the_codes() -> None:
    codes = derived(count=100)
    assert all_codes(replace(codes, count=500))[:100] == all_codes(codes)
    rotated = derived("NEW{body:8}{check}", count=100)
    assert [code[3:] for code in all_codes(rotated)] == [code[3:] for code in all_codes(codes)]


def test_a_code_beyond_the_count_is_forged_until_the_campaign_has_grown() -> None:
    grown = derived(count=101)
    assert derived(count=100).sequence(grown.code(101)) is None
    assert grown.sequence(grown.code(101)) == 101


def test_each_campaign_and_each_secret_has_codes_of_its_own() -> None:
    codes = set(all_codes(derived(count=1_000)))
    assert not codes & set(all_codes(derived(count=1_000, campaign_id="autumn")))
    assert not codes & set(all_codes(derived(count=1_000, secret=SECRET[::-1])))
    strangers = all_codes(derived(count=1_000, campaign_id="autumn"))
    assert all(derived(count=1_000).sequence(code) is None for code in strangers)


def test_the_secret_is_not_shown() -> None:
    codes = derived(secret=b"do not tell anybody this")
    assert "tell" not in repr(codes)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"secret": b"short"}, "secrets.token_bytes"),
        ({"pattern": "REF{body:8}"}, "derived codes are written"),
        ({"pattern": "REF{a:4}{b:4}{check}"}, "derived codes are written"),
        ({"pattern": "REF-{year:2020-2030}{body:8}{check}"}, "derived codes are written"),
        ({"pattern": "REF{body:4}{check}"}, "takes 5 to 12"),
        ({"count": 0}, "take 5 symbols or more"),
        ({"count": 1_000_000}, "take 9 symbols or more"),
    ],
)
def test_what_cannot_be_derived_is_refused_with_a_way_out(
    given: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        derived(**given)  # type: ignore[arg-type]


def test_the_shortest_length_for_so_many_codes_at_such_odds() -> None:
    assert shortest(1) == 5
    assert shortest(10_000_000, worst_odds=0.5) == 5
    assert shortest(10_000_000) == 9
    assert shortest(10_000_000, worst_odds=1e-9) == 11
    with pytest.raises(ValueError, match="no length holds"):
        shortest(10_000_000, worst_odds=1e-12)


def test_guesses_at_the_shortest_length_are_right_as_often_as_stated() -> None:
    codes = derived("{body:5}{check}", count=28_629, worst_odds=1e-3)
    assert codes.forging_odds == pytest.approx(1e-3, rel=1e-4)
    guesses = np.random.default_rng(4).integers(0, 31**5, 400_000, dtype=np.uint64)
    right = int(codes.genuine(guesses).sum())
    assert abs(right - 400) < 5 * 20  # five standard deviations


def _values(codes: DerivedCodes, at: slice) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    bodies = [code[at] for code in all_codes(codes)]
    return np.array([[UNAMBIGUOUS.value_of[symbol] for symbol in body] for body in bodies])


def test_symbols_are_uniform_in_every_position() -> None:
    values = _values(derived(count=30_000, worst_odds=1), slice(3, 12))
    for place in range(9):
        counts = np.bincount(values[:, place], minlength=31)
        chi_square = float(((counts - len(values) / 31) ** 2).sum() / (len(values) / 31))
        assert 8 < chi_square < 75, place  # 30 degrees of freedom: 1e-5 on either side


def test_consecutive_codes_are_uncorrelated() -> None:
    values = _values(derived(count=30_000, worst_odds=1), slice(3, 11))
    before, after = values[:-1], values[1:]
    bound = 5 / len(before) ** 0.5
    for place in range(8):
        for other in range(8):
            assert abs(np.corrcoef(before[:, place], after[:, other])[0, 1]) < bound
        alike = float((before[:, place] == after[:, place]).mean())
        assert abs(alike - 1 / 31) < bound * (1 / 31) ** 0.5
