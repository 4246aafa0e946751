"""The files that are named to be run first are there, and are run first."""

from types import SimpleNamespace
from typing import Any

from support.order import LONGEST_FIRST, TESTS, pytest_collection_modifyitems


def test_every_file_named_is_there_once() -> None:
    assert [name for name in LONGEST_FIRST if not (TESTS / name).is_file()] == []
    assert len(set(LONGEST_FIRST)) == len(LONGEST_FIRST)


def test_they_come_first_and_the_others_as_they_were_found() -> None:
    first, second = (TESTS / name for name in LONGEST_FIRST[:2])
    found = [("a", TESTS / "z"), ("b", second), ("c", TESTS / "a"), ("d", first), ("e", second)]
    items: list[Any] = [SimpleNamespace(name=name, path=path) for name, path in found]
    pytest_collection_modifyitems(items)
    assert "".join(item.name for item in items) == "dbeac"
