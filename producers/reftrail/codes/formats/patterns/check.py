"""Check symbol: a weighted sum over the symbols, as in ISBN-10, modulo the alphabet's size.

The symbols' values times 1, 2, 3, ... and the check symbol's times the next weight add up to 0
modulo p, the size of the alphabet. Where p is prime and there are fewer than p symbols, all
weights are different and none is 0 modulo p, so

- one wrong symbol changes the sum by weight * difference, which p does not divide: it is caught;
- two symbols exchanged (adjacent or not) change it by the product of the differences of weights
  and of values, which p does not divide either: it is caught;
- one unreadable symbol can be solved for, and only one solution adds up.

Any other mistake goes unnoticed once in p. There is no secret in it: a forger can
compute it.
"""

from reftrail.codes.formats.patterns.alphabet import Alphabet


def check_symbol(alphabet: Alphabet, symbols: str) -> str:
    """The check symbol of these symbols."""
    total = _weighted(alphabet, symbols)
    weight = len(symbols) + 1
    return alphabet.symbols[-total * pow(weight, -1, len(alphabet)) % len(alphabet)]


def adds_up(alphabet: Alphabet, checked: str) -> bool:
    """Whether symbols with their check symbol at the end are as written."""
    return _weighted(alphabet, checked) % len(alphabet) == 0


def _weighted(alphabet: Alphabet, symbols: str) -> int:
    return sum(weight * alphabet.value_of[symbol] for weight, symbol in enumerate(symbols, start=1))
