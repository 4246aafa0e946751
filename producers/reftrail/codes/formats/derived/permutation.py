"""Keyed permutation of all strings of n symbols: FF1 with AES-256, of NIST SP 800-38G.

FF1 is a Feistel network of ten rounds over the two halves of the string, whose round function is
AES over the round's number and one half. It is a permutation whatever the round function is, which
is why no two codes can be equal; that it looks like a random permutation rests on AES and
on the number of rounds:

- Luby and Rackoff (1988): with secret random round functions, four rounds are a strong
  pseudorandom permutation up to about the square root of a half's values in known pairs; Patarin
  (2010): six and more, up to nearly all values of a half. For 8 symbols of 31 a half has 923,521
  values, for 5 the smaller one has 961.
- Beyond that the ten rounds rest on no attack being known. The best ones on small domains (Bellare,
  Hoang and Tessaro 2016; Durak and Vaudenay 2017; Hoang, Tessaro and Trieu 2018) need many values
  under many tweaks; here is one tweak only, the empty one. FF3, which fell to some of them, has
  been dropped by NIST; FF1 remains, for domains of at least a million (SP 800-38G Rev. 1, second
  draft, 2025). That is the least allowed here too: 5 symbols of the default alphabet.

One value at a time is the business of `libffx`. No library does batches, so `permute` and `invert`
do, for numpy arrays: the same rounds, with one call of AES for a whole batch in each. Tests hold
both to NIST's examples and to each other.
"""

import math
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from ffx import FF1
from numpy.typing import NDArray

from reftrail.codes.formats.patterns import Alphabet

Numbers: TypeAlias = NDArray[np.uint64]

LEAST_DOMAIN: Final = 1_000_000
_ROUNDS: Final = 10
_HALF_LIMIT: Final = 2**32
"""Up to here a half takes four bytes, so a round needs eight bytes of AES's output: one integer."""


def lengths_over(alphabet: Alphabet) -> range:
    """The numbers of symbols that can be permuted: domain large enough, half small enough."""
    shortest = math.ceil(math.log(LEAST_DOMAIN, len(alphabet)))
    longest_half = int(math.log(_HALF_LIMIT, len(alphabet)))
    return range(max(shortest, 2), 2 * longest_half + 1)


@dataclass(frozen=True, eq=False)
class Permutation:
    """Of the numbers below len(alphabet)**length, under a key of 16, 24 or 32 bytes.

    A number represents the string of symbols that `Alphabet.write` makes of it.
    """

    key: bytes = field(repr=False)
    alphabet: Alphabet
    length: int
    _one: FF1 = field(init=False, repr=False)
    _halves: tuple[int, int] = field(init=False, repr=False)
    _first_block: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        radix, left = len(self.alphabet), self.length // 2
        right = self.length - left
        allowed = lengths_over(self.alphabet)
        if self.length not in allowed:
            raise ValueError(
                f"{self.length} symbols of {radix}: a keyed permutation takes {allowed[0]} to "
                f"{allowed[-1]} of them"
            )
        header = b"\x01\x02\x01" + radix.to_bytes(3, "big") + bytes((_ROUNDS, left))
        header += self.length.to_bytes(4, "big") + bytes(4)
        after_header = self._aes(header)
        object.__setattr__(self, "_one", FF1(self.key, alphabet=self.alphabet.symbols))
        object.__setattr__(self, "_halves", (radix**left, radix**right))
        object.__setattr__(self, "_first_block", int.from_bytes(after_header, "big"))

    @property
    def size(self) -> int:
        """The count of permuted numbers."""
        return int(len(self.alphabet) ** self.length)

    def permute_one(self, number: int) -> str:
        """The symbols to which a number goes."""
        return str(self._one.encrypt(self.alphabet.write(number, self.length)))

    def invert_one(self, symbols: str) -> int:
        """The number that went to these symbols."""
        return self.alphabet.number(str(self._one.decrypt(symbols)))

    def permute(self, numbers: Numbers) -> Numbers:
        """The numbers to which these go, as one batch."""
        left, right = np.divmod(numbers, np.uint64(self._halves[1]))
        for turn in range(_ROUNDS):
            modulus = np.uint64(self._halves[turn % 2])
            left, right = right, (left + self._round(turn, right) % modulus) % modulus
        return left * np.uint64(self._halves[1]) + right

    def invert(self, numbers: Numbers) -> Numbers:
        """The numbers that went to these, as one batch."""
        left, right = np.divmod(numbers, np.uint64(self._halves[1]))
        for turn in reversed(range(_ROUNDS)):
            modulus = np.uint64(self._halves[turn % 2])
            mixed = self._round(turn, left) % modulus
            left, right = (right + modulus - mixed) % modulus, left
        return left * np.uint64(self._halves[1]) + right

    def _round(self, turn: int, half: Numbers) -> Numbers:
        """FF1's round function: the first eight bytes of AES(AES(P) xor Q).

        Q is zeros, the turn in one byte, and the half in as many bytes as the greater half needs.
        """
        width = ((self._halves[1] - 1).bit_length() + 7) // 8
        blocks = np.empty((len(half), 2), dtype=">u8")
        blocks[:, 0] = self._first_block >> 64
        blocks[:, 1] = (half | np.uint64(turn << 8 * width)) ^ np.uint64(
            self._first_block & (2**64 - 1)
        )
        mixed = np.frombuffer(self._aes(blocks.tobytes()), dtype=">u8")
        return mixed[::2].astype(np.uint64)

    def _aes(self, blocks: bytes) -> bytes:
        """AES on each block of 16 bytes: the primitive FF1 is built from, not a mode of use."""
        aes = Cipher(algorithms.AES(self.key), modes.ECB()).encryptor()  # noqa: S305
        return aes.update(blocks)
