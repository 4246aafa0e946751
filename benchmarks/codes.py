"""Codes issued and verified per second, by format, beside what one would write without us.

    python benchmarks/codes.py [--codes 1000000] [--proof 10000000]

`codes_store_*` goes through the service on a SQLite file: each code with its audit line and what
Kafka is to get, one to a transaction or 2,000. `codes_file_*` writes derived codes to a file.

`peer_secrets_sqlite` draws with `secrets.choice` and inserts into a table with a unique column, all
in one transaction in memory; to verify, it looks the code up. `peer_secrets_sqlite_file` does so in
a file as durable as the store's, one code to a transaction or 2,000. `peer_sqids` encodes a number,
which hides nothing and proves nothing. `peer_libffx` is the same permutation, one code at a time.

With --proof, also: how many of so many derived codes are distinct, and how many of so many random
guesses at the shortest length are accepted, beside what is stated.
"""

import argparse
import json
import secrets
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from ffx import FF1
from sqids import Sqids

from reftrail.codes.bulk.derived import write_derived
from reftrail.codes.bulk.files import FileKind
from reftrail.codes.formats import DerivedFormat, Formats, RegisteredFormat, Valid, WellFormed
from reftrail.codes.formats.derived import DerivedCodes
from reftrail.codes.formats.derived.permutation import Numbers
from reftrail.codes.formats.patterns import UNAMBIGUOUS, Pattern
from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.formats.vanity import choose
from reftrail.codes.model import By, DerivedRange, FormatTerms, Terms
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.contracts.reference import FormatKind

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
        verified = formats.verify(code)
        assert isinstance(verified, Valid | WellFormed)
        figures[f"codes_{name}_verify_per_s"] = _rate(partial(formats.verify, code), few)
    with TemporaryDirectory() as directory:
        figures |= _stored(Path(directory), few) | _peer_file(Path(directory), few)
        figures |= _to_files(Path(directory), derived)
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


def _stored(directory: Path, codes: int) -> dict[str, float]:
    """Codes issued and verified in a store on disk, which is what a command or a request does."""
    by, terms = By(actor="benchmark"), Terms(campaign_id="spring")
    with closing(Store.open(f"sqlite:///{directory}/codes.sqlite")) as store:
        service = CodeService(store, secret=MasterSecret("b1", SECRET))
        single = max(codes // 100, 1)
        code = service.issue(terms, by).code
        figures = {
            "codes_store_issue_one_per_s": _rate(partial(service.issue, terms, by), single),
            "codes_store_issue_batch_per_s": _rate_of_all(
                codes, lambda: deque(service.issue_each(repeat(terms, codes), by), 0)
            ),
            "codes_store_verify_per_s": _rate(partial(service.verify, code), single),
        }
        derived = FormatTerms(
            name="derived", pattern=str(DERIVED), kind=FormatKind.DERIVED, campaign_id="spring"
        )
        service.define_format(derived, by)
        service.issue_derived("derived", codes, by, worst_odds=1)
        code = service.derived_codes("derived").code(codes)
        return figures | {
            "codes_store_verify_derived_per_s": _rate(partial(service.verify, code), single)
        }


def _peer_file(directory: Path, codes: int) -> dict[str, float]:
    """The same without audit line, outbox, limits or anything but the code."""
    path = directory / "peer.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("PRAGMA synchronous=FULL")
        store.execute("CREATE TABLE codes (code TEXT PRIMARY KEY) WITHOUT ROWID")

        def insert() -> None:
            store.execute("INSERT INTO codes VALUES (?)", (_drawn(),))

        def insert_all() -> None:
            for start in range(0, codes, 2_000):
                store.execute("BEGIN IMMEDIATE")
                for _ in range(min(2_000, codes - start)):
                    insert()
                store.execute("COMMIT")

        return {
            "peer_secrets_sqlite_file_issue_one_per_s": _rate(insert, max(codes // 100, 1)),
            "peer_secrets_sqlite_file_issue_batch_per_s": _rate_of_all(codes, insert_all),
        }


def _to_files(directory: Path, derived: DerivedCodes) -> dict[str, float]:
    """Derived codes with campaign and number, to a new file of each kind."""
    issued = DerivedRange("derived", derived.campaign_id, 1, derived.count, "batch")

    def write(path: Path) -> None:
        path.unlink(missing_ok=True)
        write_derived(path, lambda: (derived, issued), lambda _: None)

    return {
        f"codes_file_{kind}_per_s": _rate_of_all(
            derived.count, partial(write, directory / f"codes.{kind}")
        )
        for kind in FileKind
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


def _rate_of_all(codes: int, act: Callable[[], object]) -> float:
    """Codes per second, issued so many at a time; the best of three."""
    return codes * _rate(act, 1)


def _rate(act: Callable[[], object], times: int) -> float:
    """The rate per second; the best of three, since others use the machine too."""
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
