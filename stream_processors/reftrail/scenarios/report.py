"""The outcomes of scenarios for a terminal: at most 80 columns."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from reftrail.scenarios.file import Outcome

WIDTH = 80


def as_text(outcomes: Sequence[Outcome], *, show: bool = False) -> str:
    """A line for each scenario, with what differs below it, and how many passed at the end.

    With show also what was found where all is as expected.
    """
    lines = [line for outcome in outcomes for line in _told(outcome, show=show)]
    passed = sum(outcome.passed for outcome in outcomes)
    return "\n".join([*lines, f"{passed} passed, {len(outcomes) - passed} failed"])


def _told(outcome: Outcome, *, show: bool) -> Iterator[str]:
    yield from _wrapped("ok    " if outcome.passed else "FAIL  ", outcome.name, 6)
    if not outcome.passed:
        yield from _wrapped("      ", f"{outcome.file}:{outcome.line}", 6)
    for difference in outcome.differences:
        yield f"      {difference.part}"
        yield from _each(difference.lines)
        yield "        found:"
        yield from _each(difference.found or ("nothing",), indent=10)
    if show:
        for part, found in outcome.found:
            if found:
                yield f"      {part}"
                yield from _each(found)


def _each(lines: Iterable[str], indent: int = 8) -> Iterator[str]:
    for line in lines:
        yield from _wrapped(" " * indent, line, indent + 2)


def _wrapped(head: str, text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
