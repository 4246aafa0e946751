"""Shares of the files of tests, by which the processes of a run begin to import them.

All of them import all files. Each begins with a share of its own, so that in a fresh clone none
compiles what another one is compiling at the same time.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

_TESTS: Final = Path(__file__).parents[1]


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Import a share of the files before collecting them all, in the order of all."""
    given = getattr(session.config, "workerinput", None)
    if given and session.config.args == session.config.getini("testpaths"):
        _import_share(session, int(given["workerid"].removeprefix("gw")), given["workercount"])
    return (yield)


def _import_share(session: pytest.Session, nth: int, processes: int) -> None:
    """An import that fails is reported when its file is collected."""
    left_out = {*session.config.getini("norecursedirs")}
    found = sorted(_TESTS.rglob("test_*.py"))
    files = [path for path in found if not left_out & {*path.relative_to(_TESTS).parts}]
    for path in files[nth::processes]:
        with suppress(pytest.Collector.CollectError, pytest.skip.Exception):
            _ = pytest.Module.from_parent(session, path=path).obj
