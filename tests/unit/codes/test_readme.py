"""The page about formats against the code."""

import re
from pathlib import Path

from reftrail import codes as package
from reftrail.codes import formats
from reftrail.codes.formats.patterns import Pattern, Reading, collision, right_guess

README = Path(package.__file__).with_name("README.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, cell by cell, without the one of names."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def one_in(odds: float) -> str:
    return f"1 in {1 / odds:,.0f}"


def test_the_collisions_of_random_codes() -> None:
    rows = table("Random: length and collisions")
    assert len(rows) == 6
    for symbols, *figures in rows:
        size = Pattern.random(length=int(symbols)).size
        counts = (10_000, 100_000, 1_000_000)
        assert figures == [
            f"{size:.2e}",
            *(f"{collision(size, count):.1e}" for count in counts),
            one_in(right_guess(size, 1_000_000)),
        ]


def test_the_forging_odds_of_derived_codes() -> None:
    rows = table("Derived: length and forging")
    assert len(rows) == 7
    for symbols, checked, *figures in rows:
        pattern = Pattern.random("", int(symbols), check=True)
        counts = (1_000, 100_000, 1_000_000, 10_000_000)
        assert int(checked) == pattern.lengths[0]
        assert figures == [
            f"{pattern.size:,}",
            *(one_in(right_guess(pattern.size, count)) for count in counts),
        ]


def test_the_language_is_read_as_described() -> None:
    for cell, _ in table("The pattern language"):
        for written in re.findall("`([^`]+)`", cell.replace("\\|", "|")):
            symbols = "{body:3}" if "{check}" in written else ""
            assert str(Pattern.of(symbols + written)) == symbols + written


def test_the_codes_shown_are_codes() -> None:
    shown = re.findall("`((?:REF|SPR|PRG-)[A-Z0-9-]+)`", README.split("```")[0])
    assert len(shown) == 3
    for code, pattern in zip(
        shown,
        ("REF{body:9}", "SPR{body:8}{check}", "PRG-{year:####}-{region:@@}-{n:####}-{status:A|R}"),
        strict=True,
    ):
        assert re.fullmatch(Pattern.of(pattern).expression, code)


def test_the_verdicts_are_all_there() -> None:
    named = {re.findall(r"`(\w+)", cell)[0] for cell, _ in table("Mistyping")}
    assert named == {verdict.__name__ for verdict in formats.CodeVerdict.__args__}


def test_the_example_runs() -> None:
    example = README.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {"secret": bytes(32)}
    exec(example, names)
    verdict = names["verdict"]
    assert isinstance(verdict, formats.Valid)
    assert verdict.sequence == 77
    assert isinstance(Pattern.random().read(str(names["code"])), Reading)
