"""Plugin of pytest for one round of exploring: its order, its end, and files of what fails."""

import functools
import inspect
import time
from collections.abc import Callable, Generator
from pathlib import Path
from pprint import pformat
from random import Random
from typing import Any, Final

import pytest
from hypothesis import is_hypothesis_test
from hypothesis.errors import UnsatisfiedAssumption

from explore.found import FoundFailure, kept, test_name

MOST_SHOWN: Final = 20_000
"""Characters of arguments that can't be kept."""
_HAS_TRIED: Final = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say what a round is."""
    parser.addoption("--round-seed", type=int, required=True)
    parser.addoption("--round-ends", type=float, required=True, help="seconds since 1970")
    parser.addoption("--round-found", type=Path, required=True, help="where files are written")
    parser.addoption("--round-without", action="append", default=[], help="what has failed already")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Another order in each round, since short ones end before all properties were tried."""
    failed = set(config.getoption("--round-without"))
    items[:] = [
        item for item in items if not isinstance(item, pytest.Function) or _name(item) not in failed
    ]
    Random(config.getoption("--round-seed")).shuffle(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Leave out what is left when the time is up; pytest takes True for: this item is done."""
    if time.time() >= item.config.getoption("--round-ends"):
        return True
    item.config.stash[_HAS_TRIED] = True
    return None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Tell a round that came too late for any property from one in which all held."""
    if exitstatus == pytest.ExitCode.OK and not session.config.stash.get(_HAS_TRIED, False):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Write the arguments of the last failing call, which are the smallest ones."""
    if not isinstance(item, pytest.Function) or not is_hypothesis_test(item.obj):
        yield
        return
    handle = item.obj.hypothesis
    inner, last = handle.inner_test, _LastFailure()
    handle.inner_test = last.of(inner)
    try:
        yield
    except (Exception, pytest.fail.Exception) as error:
        config, fixtures = item.config, inspect.signature(item.obj).parameters
        arguments = {name: value for name, value in last.call.items() if name not in fixtures}
        plain = kept(inner, arguments) if arguments else None
        FoundFailure(
            test=_name(item),
            seed=config.getoption("--round-seed"),
            raised=f"{type(error).__name__}: {error}".partition("\n")[0],
            arguments=plain,
            shown=_shown(arguments, error) if plain is None else None,
        ).write(config.getoption("--round-found"))
        raise
    finally:
        handle.inner_test = inner


def _name(item: pytest.Function) -> str:
    return test_name(item.path, item.originalname)


def _shown(arguments: dict[str, Any], error: BaseException) -> str:
    """The example of Hypothesis, as what was drawn step by step; and the arguments."""
    notes = getattr(error, "__notes__", [])
    return "\n".join([*notes, pformat(arguments)])[:MOST_SHOWN]


class _LastFailure:
    """The arguments with which a property failed last; none where it failed without a call."""

    def __init__(self) -> None:
        self.call: dict[str, Any] = {}

    def of(self, inner: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(inner)

        @functools.wraps(inner)
        def recorded(*args: Any, **kwargs: Any) -> None:
            try:
                inner(*args, **kwargs)
            except UnsatisfiedAssumption:
                raise
            except (Exception, pytest.fail.Exception):
                self.call = dict(parameters.bind(*args, **kwargs).arguments)
                raise

        return recorded
