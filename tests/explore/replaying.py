"""Plugin of pytest: each file of a failing example is an explicit example of its property."""

from collections import defaultdict
from collections.abc import Callable
from typing import Final

import msgspec
import pytest
from hypothesis import example, is_hypothesis_test, settings
from support.profiles import EXPLORE

from explore.found import FOUND, FoundFailure, found_in, given_back, test_name

_FOUND: Final = pytest.StashKey[dict[str, list[FoundFailure]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where the files are."""
    parser.addoption("--found", default=str(FOUND), help="a folder of failing examples")


def pytest_configure(config: pytest.Config) -> None:
    """Read all files once."""
    examples: defaultdict[str, list[FoundFailure]] = defaultdict(list)
    for found in found_in(config.rootpath / config.getoption("--found")).values():
        examples[found.test].append(found)
    config.stash[_FOUND] = examples


def pytest_itemcollected(item: pytest.Item) -> None:
    """Add a property's examples once, also where parameters make several items of it."""
    if not isinstance(item, pytest.Function) or not is_hypothesis_test(item.obj):
        return
    if settings.get_current_profile_name() == EXPLORE:
        return  # a round looks for others
    name = test_name(item.path, item.originalname)
    for found in item.config.stash[_FOUND].pop(name, []):
        _add(item.obj, found)


def _add(property_: Callable[..., None], found: FoundFailure) -> None:
    if found.arguments is None:
        raise pytest.UsageError(
            f"a failing example of {found.test} is kept without its arguments, since JSON can't "
            f"hold them: write an @example by hand and remove the file. It was:\n{found.shown}"
        )
    inner = property_.hypothesis.inner_test  # type: ignore[attr-defined]
    try:
        arguments = given_back(inner, found.arguments)
    except (KeyError, msgspec.ValidationError) as error:
        raise pytest.UsageError(
            f"a failing example of {found.test} doesn't fit the property any more ({error!r}): "
            f"change it as the property was changed\n{found.arguments}"
        ) from error
    example(**arguments)(property_)
