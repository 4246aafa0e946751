"""The journal of a test, and its file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reftrail.fulfilment.database import Database
from reftrail.fulfilment.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    database = Database.open(path)
    yield Journal(database)
    database.close()
