"""Symbols of codes, and the reading of a person's typing as symbols."""

import secrets
import string
from dataclasses import dataclass, field
from typing import Final


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Different ASCII letters and digits, in the order of their values 0, 1, 2, ...

    Upper and lower case of a letter are one symbol, because codes are read aloud and typed on
    telephones: an alphabet that has both is refused. value_of goes from a symbol to its value,
    spelling_of from either case of a symbol to the symbol.
    """

    symbols: str
    value_of: dict[str, int] = field(init=False, repr=False, compare=False)
    spelling_of: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folded = {symbol.lower() for symbol in self.symbols}
        if len(self.symbols) < 2 or len(folded) < len(self.symbols):
            raise ValueError(
                f"alphabet {self.symbols!r} must have two or more symbols, each once, and no "
                "letter in both cases"
            )
        if not (self.symbols.isascii() and self.symbols.isalnum()):
            raise ValueError(f"alphabet {self.symbols!r} may have only A-Z, a-z and 0-9")
        values = {symbol: value for value, symbol in enumerate(self.symbols)}
        either_case = {way: value for value in values for way in (value.lower(), value.upper())}
        object.__setattr__(self, "value_of", values)
        object.__setattr__(self, "spelling_of", either_case)

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def is_prime(self) -> bool:
        """Whether a check symbol over it catches every single error; see `check`."""
        return _is_prime(len(self.symbols))

    @property
    def expression(self) -> str:
        """The regular expression of one symbol, as written in a canonical code."""
        return f"[{_ranges(sorted(self.symbols))}]"

    def write(self, number: int, length: int) -> str:
        """A number below len(self)**length in so many symbols, the highest place first."""
        places = []
        for _ in range(length):
            number, value = divmod(number, len(self.symbols))
            places.append(self.symbols[value])
        if number:
            raise ValueError(f"{length} symbols of this alphabet cannot hold that number")
        return "".join(reversed(places))

    def number(self, symbols: str) -> int:
        """The number that `write` wrote."""
        number = 0
        for symbol in symbols:
            number = number * len(self.symbols) + self.value_of[symbol]
        return number

    def draw(self, length: int) -> str:
        """Draw symbols, each string of them equally likely, from the system's CSPRNG."""
        return self.write(secrets.randbelow(len(self.symbols) ** length), length)


def _ranges(ordered: list[str]) -> str:
    """Sorted characters as the inside of a character class: ABCD23 is 23A-D."""
    runs: list[list[str]] = []
    for character in ordered:
        if runs and ord(character) == ord(runs[-1][-1]) + 1:
            runs[-1].append(character)
        else:
            runs.append([character])
    return "".join("".join(run) if len(run) < 3 else f"{run[0]}-{run[-1]}" for run in runs)


UNAMBIGUOUS: Final = Alphabet("ABCDEFGHJKMNPQRSTUVWXYZ23456789")
"""A-Z without I, L and O (23) and 2-9 (8): 31 symbols, a prime, none like another in most types."""

LETTERS: Final = Alphabet(string.ascii_uppercase)
DIGITS: Final = Alphabet(string.digits)
