"""Rounds of the properties with fresh seeds until the time is up: `make explore`.

Exit code 0: nothing was found; 1: something was, and files to commit keep it; 2: a round couldn't
run.
"""

import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from math import inf
from pathlib import Path
from secrets import randbelow
from subprocess import PIPE, STDOUT
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Annotated, Final

import pytest
import typer
from support.ending import end_at_once_on_sigint
from support.profiles import EXPLORE

from explore.found import FOUND, TESTS, FoundFailure, found_in
from reftrail.local.held_process import HeldProcess

ROOT: Final = TESTS.parent
PROPERTIES: Final = (TESTS / "property", TESTS / "unit")
SEEDS: Final = 2**32


class Exploration:
    """The data that all rounds share: the seeds, the time, and the findings."""

    def __init__(
        self, paths: list[Path], seeds: Iterable[int], ends: float, directory: Path
    ) -> None:
        self.paths, self.ends, self.directory = paths, ends, directory
        self.seeds = iter(seeds)
        self.found: dict[Path, FoundFailure] = {}
        self.has_tried = self.broken = False
        self._lock = Lock()

    def explore(self) -> None:
        """Run one round after the other, without the properties that have failed already."""
        while time.time() < self.ends and not self.broken:
            with self._lock:
                seed, failed = next(self.seeds, None), {found.test for found in self.found.values()}
            if seed is None:
                return
            with TemporaryDirectory() as written:
                began = time.monotonic()
                code, output = self._run(self._command(seed, failed, written))
                with self._lock:
                    self._finish(seed, code, output, Path(written), time.monotonic() - began)

    def _run(self, command: list[str]) -> tuple[int, str]:
        """The exit code of a round, and its output."""
        with HeldProcess[str](
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
        ) as round_:
            output, _ = round_.communicate()
        return round_.returncode, output

    def _command(self, seed: int, failed: set[str], written: str) -> list[str]:
        return [
            *(sys.executable, "-m", "pytest", *map(str, self.paths)),
            *("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)),
            *("-p", "support.profiles", "-p", "explore.recording", "-p", "no:cacheprovider"),
            *("-q", "--tb=short", "-m", "hypothesis and not docker"),
            *("--hypothesis-profile", EXPLORE, "--hypothesis-seed", str(seed)),
            *("--round-seed", str(seed), "--round-ends", str(self.ends), "--round-found", written),
            *(part for name in sorted(failed) for part in ("--round-without", name)),
        ]

    def _finish(self, seed: int, code: int, output: str, written: Path, seconds: float) -> None:
        found = found_in(written).values()
        lines = output.strip().splitlines() or ["no output"]
        typer.echo(f"seed {seed}: {len(found)} found, {seconds:.0f} s: {lines[-1].strip('= ')}")
        for example in found:
            path = example.write(self.directory)
            self.found[path] = example
            typer.echo(f"  {example.test}: {example.raised}\n  kept in {path}")
        failed_otherwise = code == pytest.ExitCode.TESTS_FAILED and not found
        self.has_tried |= code in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
        self.broken |= failed_otherwise or code not in _HAS_RUN
        if self.broken or found:
            typer.echo(output)


_HAS_RUN: Final = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)


def main(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders of tests.")] = None,
    *,
    minutes: Annotated[float, typer.Option(help="For how long.")] = 10.0,
    rounds: Annotated[
        int | None, typer.Option(help="How many rounds, however long they take.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the first round; each further round adds 1.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="How many rounds at once.")] = 2,
    found: Annotated[Path, typer.Option(help="Where failing examples are kept.")] = FOUND,
) -> None:
    """Try the properties with fresh seeds; keep failing examples as files to commit."""
    end_at_once_on_sigint()
    seed = randbelow(SEEDS) if seed is None else seed
    typer.echo(f"seed {seed}; one round again: make explore SEED=N ARGS='--rounds 1'")
    seeds = count(seed) if rounds is None else range(seed, seed + rounds)
    ends = time.time() + 60 * minutes if rounds is None else inf
    exploration = Exploration(paths or list(PROPERTIES), seeds, ends, found.absolute())
    with ThreadPoolExecutor(jobs) as pool:
        for round_ in [pool.submit(exploration.explore) for _ in range(jobs)]:
            round_.result()
    if exploration.broken:
        typer.echo("a round could not run, or failed beside the properties", err=True)
        sys.exit(2)
    if exploration.found:
        typer.echo(
            f"{len(exploration.found)} found; commit the files with what mends them", err=True
        )
        sys.exit(1)
    if not exploration.has_tried:
        typer.echo("no property was tried: give it more minutes", err=True)
        sys.exit(2)
    typer.echo("nothing found")


if __name__ == "__main__":
    typer.run(main)
