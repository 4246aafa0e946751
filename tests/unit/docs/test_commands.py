"""Commands in the documents exist, with their options, and each command is in one of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from reftrail.cli.main import command_line

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = sorted(
    page
    for folder in ("", "schemas", "producers", "stream_processors", "sinks", "infra", "examples")
    for page in (ROOT / folder).glob("**/README.md" if folder else "README.md")
    if "node_modules" not in page.parts
)
COMMANDS: Final = get_command(command_line())
_WORD: Final = re.compile(r"[a-z][a-z-]*(?:\|[a-z][a-z-]*)*")
_OPTION: Final = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
BY_MAKE: Final = {("demo",)}


def shown(page: Path) -> Iterator[list[str]]:
    """The words of each command that the page shows, without its comment."""
    text = page.read_text("utf-8")
    lines = re.findall(r"^\$ (reftrail [a-z].*)$", text, re.MULTILINE)
    for line in (*lines, *re.findall(r"`(reftrail [a-z][^`]*)`", text)):
        yield line.partition("#")[0].split()[1:]


def faults(words: list[str]) -> Iterator[str]:
    """The names and options in a command line that the command doesn't have."""
    command, options = COMMANDS, {"--help"}
    for word in words:
        if not isinstance(command, TyperGroup) or not _WORD.fullmatch(word):
            break
        names = word.split("|")
        yield from (name for name in names if name not in command.commands)
        command = command.commands.get(names[-1], command)
    if isinstance(command, TyperGroup):
        return
    options |= {name for known in command.params for name in (*known.opts, *known.secondary_opts)}
    yield from (name for name in _OPTION.findall(" ".join(words)) if name not in options)


def names_of(group: TyperGroup, *above: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from names_of(command, *above, name)
        elif not command.hidden:
            yield (*above, name)


def documented() -> Iterator[tuple[str, ...]]:
    for words in (words for page in PAGES for words in shown(page)):
        named: list[tuple[str, ...]] = [()]
        for word in words:
            if not _WORD.fullmatch(word):
                break
            named = [(*before, name) for before in named for name in word.split("|")]
            yield from named


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_commands_that_are_shown_exist(page: Path) -> None:
    assert {" ".join(words): found for words in shown(page) if (found := list(faults(words)))} == {}


def test_each_command_is_documented() -> None:
    assert isinstance(COMMANDS, TyperGroup)
    assert set(names_of(COMMANDS)) - BY_MAKE - set(documented()) == set()
