"""Codes of a campaign that follow from its secret: nothing is stored, and nobody can make them up.

The i-th code is where the campaign's keyed permutation takes i. A code is genuine if the inverse
leads to a number from 1 to the campaign's count: encode, then encipher (Bellare and Rogaway 2000).
From this follows

- no two codes of a campaign are equal, since a permutation has no collisions;
- a greater count, another prefix or suffix, other dates leave the codes as they are: only the
  campaign's id, its secret, the alphabet and the number of symbols go into the permutation;
- a guess at a code not seen before is right with probability count / alphabet^symbols at most,
  whatever codes the guesser has seen, as far as the permutation looks like a random one.
  The check symbol is public and makes no guess harder, so it isn't counted.

There is no tag that could be compared byte by byte: a forged code is deciphered in the same ten
rounds as a genuine one, and all that is then asked is whether the number is in range, which is the
answer given anyway. So the time taken tells nothing about how near a guess was.

Two campaigns under one prefix may have the same code by chance, as random codes may. Give each a
prefix of its own, or look at `forging_odds` of the longer one.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reftrail.codes.formats.derived.permutation import Numbers, Permutation, lengths_over
from reftrail.codes.formats.patterns import UNAMBIGUOUS, Alphabet, Pattern, right_guess
from reftrail.codes.formats.patterns.segments import Check, Fixed, Symbols

WORST_ODDS: Final = 1e-6
"""By default no format is allowed under which one guess in fewer than a million is right."""

LEAST_SECRET: Final = 16
"""Bytes; from `secrets.token_bytes`, not a password."""

_BATCH: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class DerivedCodes:
    """The codes 1 to count of a campaign.

    The pattern is a prefix or none, one {body:N}, {check}, a suffix or none. worst_odds is the
    greatest probability of a right guess that is put up with. Raises ValueError, with a way out,
    if pattern, secret or count don't do.
    """

    campaign_id: str
    secret: bytes = field(repr=False)
    pattern: Pattern
    count: int
    worst_odds: float = WORST_ODDS
    _permutation: Permutation = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < LEAST_SECRET:
            raise ValueError(
                f"the secret of campaign {self.campaign_id} has {len(self.secret)} bytes; make one "
                f"of at least {LEAST_SECRET} with secrets.token_bytes(32)"
            )
        length = _body(self.pattern).length
        key = hmac.digest(self.secret, b"reftrail codes 1\0" + self.campaign_id.encode(), "sha256")
        object.__setattr__(self, "_permutation", Permutation(key, self.pattern.alphabet, length))
        if not 1 <= self.count <= self._permutation.size or self.forging_odds > self.worst_odds:
            raise ValueError(
                f"{self.count:,} codes of {length} symbols: a guess would be right once in "
                f"{self._permutation.size / max(self.count, 1):,.0f}, asked for is once in "
                f"{1 / self.worst_odds:,.0f}; take "
                f"{shortest(self.count, self.worst_odds, self.pattern.alphabet)} symbols or more, "
                "fewer codes, or say with worst_odds that this will do"
            )

    @property
    def forging_odds(self) -> float:
        """The probability that one guess, its check symbol right, is a genuine code."""
        return right_guess(self._permutation.size, self.count)

    def code(self, sequence: int) -> str:
        """One code by its number, from 1 to count."""
        if not 1 <= sequence <= self.count:
            raise ValueError(f"campaign {self.campaign_id} has codes 1 to {self.count}")
        return self.pattern.compose({self._body.name: self._permutation.permute_one(sequence - 1)})

    def batches(
        self, first: int = 1, last: int | None = None, size: int = _BATCH
    ) -> Iterator[list[str]]:
        """The codes from first to last (by default all), in order, so many at a time.

        Memory is that of one batch.
        """
        end = self.count if last is None else last
        if not 1 <= first <= end + 1 <= self.count + 1:
            raise ValueError(f"campaign {self.campaign_id} has codes 1 to {self.count}")
        for start in range(first - 1, end, size):
            numbers = np.arange(start, min(start + size, end), dtype=np.uint64)
            yield self._written(self._permutation.permute(numbers))

    def sequence(self, code: str) -> int | None:
        """The number of a canonical code of the pattern, None if it is forged."""
        at = len(self.pattern.prefix)
        found = self._permutation.invert_one(code[at : at + self._body.length]) + 1
        return found if found <= self.count else None

    def genuine(self, bodies: Numbers) -> NDArray[np.bool_]:
        """The bodies, as numbers, that belong to genuine codes."""
        return self._permutation.invert(bodies) < np.uint64(self.count)

    @property
    def _body(self) -> Symbols:
        return _body(self.pattern)

    def _written(self, bodies: Numbers) -> list[str]:
        """Bodies with prefix, check symbol and suffix: a table of characters, read row by row."""
        alphabet, length = self.pattern.alphabet, self._body.length
        radix = np.uint64(len(alphabet))
        values = np.empty((len(bodies), length + 1), dtype=np.uint64)
        for place in reversed(range(length)):
            bodies, values[:, place] = np.divmod(bodies, radix)
        total = values[:, :length] @ np.arange(1, length + 1, dtype=np.uint64) % radix
        solve = np.uint64(pow(length + 1, -1, len(alphabet)))
        values[:, length] = (radix - total) * solve % radix
        prefix, suffix = _around(self.pattern)
        table = np.empty((len(bodies), self.pattern.lengths[0]), dtype=np.uint32)
        table[:, : len(prefix)] = _characters(prefix)
        table[:, len(prefix) : len(prefix) + length + 1] = _characters(alphabet.symbols)[values]
        table[:, len(prefix) + length + 1 :] = _characters(suffix)
        rows: list[str] = table.view(f"<U{table.shape[1]}").ravel().tolist()
        return rows


def shortest(count: int, worst_odds: float = WORST_ODDS, alphabet: Alphabet = UNAMBIGUOUS) -> int:
    """The least number of symbols, check symbol aside, that holds so many codes at such odds.

    Raises ValueError if none does.
    """
    for length in lengths_over(alphabet):
        if right_guess(len(alphabet) ** length, count) <= worst_odds:
            return length
    raise ValueError(
        f"no length holds {count:,} codes such that one guess in {1 / worst_odds:,.0f} is right; "
        "put up with worse odds, or issue random codes"
    )


def _body(pattern: Pattern) -> Symbols:
    """The only random segment of a pattern that can be derived."""
    match pattern.segments:
        case (
            (Symbols(random=True) as body, Check())
            | (Fixed(), Symbols(random=True) as body, Check())
            | (Symbols(random=True) as body, Check(), Fixed())
            | (Fixed(), Symbols(random=True) as body, Check(), Fixed())
        ):
            return body
    raise ValueError(
        f"pattern {pattern}: derived codes are written PREFIX{{body:8}}{{check}}SUFFIX, where "
        "prefix and suffix may be left out"
    )


def _around(pattern: Pattern) -> tuple[str, str]:
    """Prefix and suffix."""
    last = pattern.segments[-1]
    return pattern.prefix, last.text if isinstance(last, Fixed) else ""


def _characters(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
