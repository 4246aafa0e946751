"""Stores of codes: a SQLite file or a database of the real PostgreSQL, fresh for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reftrail.codes.formats.secrets import MasterSecret
from reftrail.codes.model import By, Terms
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store

SECRET = MasterSecret("k1", bytes(range(32)))
BY = By(actor="tester", reason="a test", at=1_700_000_000_000)
SUMMER = Terms(campaign_id="summer")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The places where a store may be opened."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres").new_database()
        return url
    return sqlite_url(tmp_path)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url)
    yield opened
    opened.close()


@pytest.fixture
def codes(store: Store) -> CodeService:
    return CodeService(store, secret=SECRET, clock=lambda: BY.at or 0)


def sqlite_url(directory: Path) -> str:
    return f"sqlite:///{directory}{os.sep}codes.sqlite"
