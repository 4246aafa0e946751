"""The check symbol: every error it is there for, in every place, with every pair of symbols."""

from itertools import permutations
from random import Random

import pytest

from reftrail.codes.formats.patterns import UNAMBIGUOUS
from reftrail.codes.formats.patterns.check import adds_up, check_symbol

LENGTHS = (1, 5, 9, 12, 29)


def checked(body: str) -> str:
    return body + check_symbol(UNAMBIGUOUS, body)


@pytest.mark.parametrize("length", LENGTHS)
def test_every_single_error_is_caught(length: int) -> None:
    """The sum changes by weight times difference, whatever the other symbols: one word will do."""
    word = checked("".join(Random(length).choices(UNAMBIGUOUS.symbols, k=length)))
    assert adds_up(UNAMBIGUOUS, word)
    for place in range(len(word)):
        for symbol in set(UNAMBIGUOUS.symbols) - {word[place]}:
            assert not adds_up(UNAMBIGUOUS, word[:place] + symbol + word[place + 1 :])


@pytest.mark.parametrize("length", LENGTHS)
def test_every_exchange_of_neighbours_is_caught(length: int) -> None:
    """All pairs of symbols in all places; those of the check symbol by solving for a neighbour."""
    filler = Random(length).choices(UNAMBIGUOUS.symbols, k=length)
    for place in range(length - 1):
        for left, right in permutations(UNAMBIGUOUS.symbols, 2):
            body = "".join((*filler[:place], left, right, *filler[place + 2 :]))
            word = checked(body)
            assert not adds_up(UNAMBIGUOUS, word[:place] + right + left + word[place + 2 :]), (
                word,
                place,
            )
    for last in UNAMBIGUOUS.symbols:
        word = checked("".join(filler[:-1]) + last)
        exchanged = word[:-2] + word[-1] + word[-2]
        assert adds_up(UNAMBIGUOUS, exchanged) == (word[-1] == word[-2])


def test_other_mistakes_go_unnoticed_once_in_31() -> None:
    chance = Random(0)
    words = ["".join(chance.choices(UNAMBIGUOUS.symbols, k=9)) for _ in range(31_000)]
    assert 850 < sum(adds_up(UNAMBIGUOUS, word) for word in words) < 1_150
