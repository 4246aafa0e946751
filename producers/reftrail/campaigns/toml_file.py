"""A TOML file whose faults can be pointed at: line, column, and what would be right.

tomllib says what the file means, tree-sitter where each key and value is: no library that is
kept does both.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from reftrail.contracts.errors import ExpectedError

Where: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of tables, and places in arrays from 0."""

_LANGUAGE: Final = Language(tree_sitter_toml.language())
_SYNTAX_ERROR: Final = re.compile(
    r"(?P<what>.*) \(at (?:line (\d+), column (\d+)|end of document)\)"
)
_TABLES: Final = ("table", "table_array_element")
_KEYS: Final = ("bare_key", "quoted_key", "dotted_key")


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """A place in a file, both from 1; the column counts characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class FileFault:
    """A fault at a place; line is that of the file."""

    file: Path
    at: SourcePosition
    line: str
    message: str

    def __str__(self) -> str:
        """The place as editors and terminals know it, and the line with a mark below."""
        number = f"{self.at.line}"
        mark = " " * (self.at.column - 1) + "^"
        return (
            f"{self.file}:{self.at.line}:{self.at.column}: {self.message}\n"
            f"  {number} | {self.line}\n  {' ' * len(number)} | {mark}"
        )


class FaultyFile(ExpectedError):  # noqa: N818  (it says what is wrong, as the others do)
    """Everything that is wrong with a file."""

    def __init__(self, faults: Iterable[FileFault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.at.line, fault.at.column)))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True)
class TomlFile:
    """The contents of a file, and the lines of its keys."""

    path: Path
    lines: tuple[str, ...]
    content: dict[str, Any]
    keys: dict[Where, SourcePosition] = field(repr=False)
    values: dict[Where, SourcePosition] = field(repr=False)

    def fault(self, where: Where, message: str, *, key: bool = False) -> FileFault:
        """A fault of the value there, or of its key; if it is absent, of the table around it."""
        first, second = (self.keys, self.values) if key else (self.values, self.keys)
        at = SourcePosition(1, 1)
        for end in range(len(where), 0, -1):
            if found := first.get(where[:end]) or second.get(where[:end]):
                at = found
                break
        return FileFault(self.path, at, self.lines[at.line - 1] if self.lines else "", message)

    def has(self, where: Where) -> bool:
        """Whether the file has a value there."""
        return where in self.values


def read_toml(path: Path) -> TomlFile:
    """Read a file. Raises `ExpectedError` if it can't be read, `FaultyFile` if it isn't TOML."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedError(f"cannot read {path}: {error}") from error
    return parse_toml(text, path)


def parse_toml(text: str, path: Path) -> TomlFile:
    """The file that has this text. Raises `FaultyFile`."""
    lines = tuple(text.split("\n"))
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultyFile([_syntax_fault(str(error), path, lines)]) from error
    places = _Lines(lines)
    places.read(Parser(_LANGUAGE).parse(text.encode()).root_node)
    return TomlFile(path, lines, content, places.keys, places.values)


def _syntax_fault(message: str, path: Path, lines: tuple[str, ...]) -> FileFault:
    found = _SYNTAX_ERROR.fullmatch(message)
    what = found["what"] if found else message
    at = (
        SourcePosition(int(found[2]), int(found[3]))
        if found and found[2]
        else SourcePosition(len(lines), len(lines[-1]) + 1)
    )
    return FileFault(
        path, at, lines[at.line - 1], f"this is not TOML: {what[:1].lower()}{what[1:]}"
    )


class _Lines:
    """The lines of keys and values, gathered from a file's syntax tree."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.keys: dict[Where, SourcePosition] = {}
        self.values: dict[Where, SourcePosition] = {}
        self._lines = lines
        self._elements: Counter[Where] = Counter()

    def read(self, document: Node) -> None:
        for node in document.named_children:
            if node.type in _TABLES:
                self._table(node)
            elif node.type == "pair":
                self._pair(node, ())

    def _table(self, node: Node) -> None:
        key = next(child for child in node.named_children if child.type in _KEYS)
        parts = list(_parts(key))
        where: Where = ()
        for number, part in enumerate(parts, 1):
            where = (*where, _text(part))
            self.keys.setdefault(where, self._at(part))
            self.values.setdefault(where, self._at(node))
            if number == len(parts) and node.type == "table_array_element":
                self._elements[where] += 1
            if where in self._elements:
                where = (*where, self._elements[where] - 1)
        self.keys.setdefault(where, self._at(key))
        self.values.setdefault(where, self._at(node))
        for child in node.named_children:
            if child.type == "pair":
                self._pair(child, where)

    def _pair(self, node: Node, within: Where) -> None:
        key, value = (child for child in node.named_children if child.type != "comment")
        where = within
        for part in _parts(key):
            where = (*where, _text(part))
            self.keys.setdefault(where, self._at(part))
            self.values.setdefault(where, self._at(value))
        self._value(value, where)

    def _value(self, node: Node, where: Where) -> None:
        self.values.setdefault(where, self._at(node))
        items = (child for child in node.named_children if child.type != "comment")
        if node.type == "array":
            for number, item in enumerate(items):
                self._value(item, (*where, number))
        elif node.type == "inline_table":
            for item in items:
                self._pair(item, where)

    def _at(self, node: Node) -> SourcePosition:
        """tree-sitter counts bytes in a line."""
        row, column = node.start_point
        before = self._lines[row].encode()[:column].decode(errors="replace")
        return SourcePosition(row + 1, len(before) + 1)


def _parts(key: Node) -> Iterator[Node]:
    if key.type != "dotted_key":
        yield key
        return
    for child in key.named_children:
        yield from _parts(child)


def _text(key: Node) -> str:
    written = (key.text or b"").decode()
    if key.type == "bare_key":
        return written
    return next(iter(tomllib.loads(f"{written} = 0")))
