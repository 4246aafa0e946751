"""Codes issued and verified per second, by format, beside what one would write without us.

    python benchmarks/codes.py [--codes 1000000] [--proof 10000000]

`peer_secrets_sqlite` draws with `secrets.choice` and inserts into a table with a unique column, all
in one transaction; to verify, it looks the code up. `peer_sqids` encodes a number, which hides
nothing and proves nothing. `peer_libffx` is the same permutation, one code at a time.

With --proof, also: how many of so many derived codes are distinct, and how many of so many random
guesses at the shortest length are accepted, beside what is stated.
"""

import argparse
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import numpy as np
import psutil
from ffx import FF1
from sqids import Sqids

from reftrail.codes.derived import DerivedCodes
from reftrail.codes.derived.permutation import Numbers
from reftrail.codes.formats import DerivedFormat, Formats, RegisteredFormat, Valid, WellFormed
from reftrail.codes.patterns import UNAMBIGUOUS, Pattern
from reftrail.codes.vanity import choose

SECRET = bytes(range(32))
RANDOM = Pattern.random()
STRUCTURED = Pattern.of("{programme:PRG}-{year:2020-2039}-{region:@@}-{sequence:####}-{status:A|R}")
DERIVED = Pattern.of("SPR{body:9}{check}")
SHORTEST = Pattern.of("{body:5}{check}")


def measure(codes: int, proof: int = 0) -> dict[str, float]:
    """Codes per second for each way of issuing and verifying."""
    few = max(codes // 50, 1)
    derived = DerivedCodes("spring", SECRET, DERIVED, codes, worst_odds=1)
    formats = Formats(
        (
            RegisteredFormat("random", RANDOM),
            RegisteredFormat("structured", STRUCTURED),
            DerivedFormat("derived", derived),
        )
    )
    figures = _streamed(derived)
    issued = {
        "random": RANDOM.generate,
        "structured": lambda: STRUCTURED.compose(
            {"programme": "PRG", "year": "2025", "region": "US", "sequence": "0429", "status": "A"}
        ),
        "derived_one": lambda: derived.code(codes),
        "vanity": lambda: choose("AMY-SMITH"),
    }
    for name, issue in issued.items():
        figures[f"codes_{name}_issue_per_s"] = _rate(issue, few)
    for name, code in (
        ("random", RANDOM.generate()),
        ("structured", "PRG-2025-US-0429-A"),
        ("derived", derived.code(codes)),
    ):
        assert isinstance(formats.verify(code), Valid | WellFormed)
        figures[f"codes_{name}_verify_per_s"] = _rate(partial(formats.verify, code), few)
    return figures | _genuine(derived, codes) | _peers(few) | (_proof(proof) if proof else {})


def _streamed(derived: DerivedCodes) -> dict[str, float]:
    """All codes of a campaign, none kept."""
    next(derived.batches())
    process = psutil.Process()
    before = highest = process.memory_info().rss
    started = time.perf_counter()
    for _ in derived.batches():
        highest = max(highest, process.memory_info().rss)
    seconds = time.perf_counter() - started
    return {
        "codes_derived_issue_per_s": derived.count / seconds,
        "codes_derived_issue_grown_mib": (highest - before) / 2**20,
    }


def _genuine(derived: DerivedCodes, guesses: int) -> dict[str, float]:
    """Verifying many at once."""
    bodies = np.random.default_rng(1).integers(0, 31**9, guesses, dtype=np.uint64)
    started = time.perf_counter()
    for batch in _parts(bodies):
        derived.genuine(batch)
    return {"codes_derived_verify_batch_per_s": guesses / (time.perf_counter() - started)}


def _peers(codes: int) -> dict[str, float]:
    sqids, ffx = Sqids(min_length=9), FF1(SECRET, alphabet=UNAMBIGUOUS.symbols)
    body = UNAMBIGUOUS.write(12_345, 9)
    with closing(sqlite3.connect(":memory:")) as store:
        store.execute("CREATE TABLE codes (code TEXT PRIMARY KEY) WITHOUT ROWID")
        figures = {
            "peer_secrets_sqlite_issue_per_s": _rate(
                lambda: store.execute("INSERT INTO codes VALUES (?)", (_drawn(),)), codes
            ),
            "peer_secrets_sqlite_verify_per_s": _rate(
                lambda: store.execute("SELECT 1 FROM codes WHERE code = ?", ("A",)).fetchone(),
                codes,
            ),
        }
    encoded = sqids.encode([12_345])
    return figures | {
        "peer_sqids_issue_per_s": _rate(lambda: sqids.encode([12_345]), codes // 10),
        "peer_sqids_verify_per_s": _rate(lambda: sqids.decode(encoded), codes // 10),
        "peer_libffx_issue_per_s": _rate(lambda: ffx.encrypt(body), codes),
    }


def _drawn() -> str:
    return "REF" + "".join(secrets.choice(UNAMBIGUOUS.symbols) for _ in range(9))


def _proof(size: int) -> dict[str, float]:
    """Clashes among so many codes, and so many guesses at the shortest length."""
    derived = DerivedCodes("spring", SECRET, DERIVED, size, worst_odds=1)
    started = time.perf_counter()
    codes = np.concatenate([np.array(batch, dtype="S13") for batch in derived.batches()])
    seconds = time.perf_counter() - started
    codes.sort()
    clashes = int((codes[1:] == codes[:-1]).sum())
    short = DerivedCodes("spring", SECRET, SHORTEST, 28_629, worst_odds=1e-3)
    guesses = np.random.default_rng(secrets.randbits(128)).integers(0, 31**5, size, dtype=np.uint64)
    accepted = sum(int(short.genuine(batch).sum()) for batch in _parts(guesses))
    return {
        "proof_derived_codes": len(codes),
        "proof_derived_seconds": seconds,
        "proof_derived_clashes": clashes,
        "proof_guesses": size,
        "proof_guesses_accepted": accepted,
        "proof_guesses_expected": size * short.forging_odds,
    }


def _parts(numbers: Numbers) -> Iterator[Numbers]:
    return (numbers[start : start + (1 << 16)] for start in range(0, len(numbers), 1 << 16))


def _rate(act: Callable[[], object], times: int) -> float:
    """How often per second; the best of three, since others use the machine too."""
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(times):
            act()
        best = max(best, times / (time.perf_counter() - started))
    return best


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--proof", type=int, default=0, help="such as 10000000; takes a minute")
    arguments = parser.parse_args()
    figures = measure(arguments.codes, arguments.proof)
    print(json.dumps({name: round(figure, 1) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
