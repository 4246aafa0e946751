"""Random codes drawn from a seed, so that a test sees the same ones on every run."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from reftrail.codes.formats.patterns import alphabet


@contextmanager
def seeded(seed: int | str) -> Iterator[None]:
    """Draw codes from a seed, in this process and until the end of the context."""
    with patch.object(alphabet, "secrets", SimpleNamespace(randbelow=Random(seed).randrange)):
        yield


@pytest.fixture(autouse=True)
def _seeded_codes(request: pytest.FixtureRequest) -> Iterator[None]:
    with seeded(request.node.nodeid):
        yield
