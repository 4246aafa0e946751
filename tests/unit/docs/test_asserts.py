"""No assert does anything: `python -O` leaves asserts out, and what they do with them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.syntax import parsed

ROOT = Path(__file__).parents[3]
SOURCES = ("schemas", "producers", "stream_processors", "sinks", "infra", "benchmarks", "examples")
ONLY_LOOK = {"all", "any", "callable", "hasattr", "isinstance", "issubclass", "len", "max", "min"}


def doing(source: str) -> Iterator[ast.Assert]:
    """The asserts that call something which may do more than look."""
    for found in ast.walk(parsed(source)):
        if isinstance(found, ast.Assert) and any(map(_may_act, ast.walk(found.test))):
            yield found


def _may_act(part: ast.AST) -> bool:
    if isinstance(part, ast.Call):
        return not (isinstance(part.func, ast.Name) and part.func.id in ONLY_LOOK)
    return isinstance(part, ast.Await | ast.NamedExpr | ast.Yield)


@pytest.mark.parametrize("folder", SOURCES)
def test_no_assert_does_anything(folder: str) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for file in files
        for node in doing(file.read_text("utf-8"))
    ]
    assert not found, "call it before the assert, or raise instead"


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("assert batch.append(1) is not None", 1),
        ("assert (line := read)", 1),
        ("async def f():\n    assert await sent", 1),
        ("assert isinstance(len(found), int) and found.ready, found.text()", 0),
    ],
)
def test_what_counts_as_doing(source: str, count: int) -> None:
    assert len(list(doing(source))) == count
