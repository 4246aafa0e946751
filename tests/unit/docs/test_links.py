"""Links, paths and targets of make that the documents name are there."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
NO_SOURCES: Final = {"node_modules", "build", "__pycache__"}
HISTORY: Final = "CHANGELOG.md"
"""It names what was there once."""

_FENCED: Final = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.*)$", re.MULTILINE)
_PATH: Final = re.compile(
    r"`((?:\.\./)*[a-z_][\w.\-]*(?:/[\w.\-]+)*\.(?:py|sql|md|js|ts|html|avsc|yaml|lock|in))`"
)
_PLACEHOLDER: Final = re.compile(r"\b(?:NNN|ID|N)\b|NNN_")
_ADR: Final = re.compile(r"\bADR (\d+)\b")
_TARGET: Final = re.compile(r"`make ([a-z][a-z-]*)")
_MADE: Final = {"build/bench.json", "server.properties"}


def files(*suffixes: str) -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NO_SOURCES and name[0] != "."]
        for name in names:
            if not suffixes or name.endswith(suffixes):
                yield Path(folder, name)


PAGES: Final = sorted(files(".md"))
each_page: Final = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)
KNOWN: Final = {f"/{path.relative_to(ROOT)}" for path in files()}


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", h) for h in _HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in headings}


def is_there(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    links = [found for found in _LINK.findall(prose(page)) if not re.match(r"\w+:", found)]
    assert [link for link in links if not is_there(page, link)] == []


@each_page
def test_files_that_are_named_exist(page: Path) -> None:
    """By the end of their path: a page about a package leaves out where that is."""
    if page.name == HISTORY:
        return
    named = {path for path in _PATH.findall(prose(page)) if not _PLACEHOLDER.search(path)}
    ends = {path: "/" + path.replace("../", "") for path in named - _MADE}
    missing = {path for path, end in ends.items() if not any(k.endswith(end) for k in KNOWN)}
    assert missing == set()


@each_page
def test_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(_TARGET.findall(page.read_text("utf-8"))) <= targets


def test_decisions_that_are_named_were_made() -> None:
    made = {int(path.name[:4]) for path in (ROOT / "infra/adr").glob("0*.md")}
    named = {
        (str(path.relative_to(ROOT)), int(number))
        for path in files(".py", ".md", ".sql", ".toml", ".yaml")
        for number in _ADR.findall(path.read_text("utf-8"))
    }
    assert {(path, number) for path, number in named if number not in made} == set()


def linked(page: Path) -> Iterator[Path]:
    for link in _LINK.findall(prose(page)):
        target = (page.parent / link.partition("#")[0]).resolve()
        if target.suffix == ".md" and target.exists():
            yield target


def test_every_readme_can_be_reached_from_the_first() -> None:
    reached, left = set[Path](), {ROOT / "README.md"}
    while left:
        reached |= left
        left = {target for page in left for target in linked(page)} - reached
    readmes = {page for page in PAGES if page.name == "README.md"}
    assert {str(page.relative_to(ROOT)) for page in readmes - reached} == set()
