"""Probabilities that two codes are equal, and that a guess is right."""

import math


def collision(size: int, codes: int) -> float:
    """The probability that among so many codes, drawn from size ones, two are equal.

    The birthday bound 1 - exp(-n(n-1)/2S), close while n is far below S; 1 when they can't all
    differ.
    """
    if codes > size:
        return 1.0
    return -math.expm1(-codes * (codes - 1) / (2 * size))


def next_collides(size: int, issued: int, tries: int = 1) -> float:
    """The probability that each of so many draws is a code that is issued already."""
    return min(issued / size, 1.0) ** tries


def right_guess(size: int, valid: int, guesses: int = 1) -> float:
    """The probability that one of so many different guesses is one of the valid codes.

    Exact for one guess; the sum over all of them, an upper bound, for more.
    """
    return min(guesses * valid / size, 1.0)
