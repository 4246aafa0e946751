"""Fixtures: one real broker for the test session, and topics of its own for each test."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pytest

from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import TOPICS
from reftrail.local.broker import Broker
from reftrail.local.topics import admin, create_topics
from support.java import load_classes_once
from support.memory import directory_in_memory

PATIENT: Final = {"broker.session.timeout.ms": "120000"}
"""A broker whose machine is busy is not taken for dead by itself. It isn't killed either."""


class TestInstallation(Installation):
    """An installation that also says how many partitions its topics have."""

    __test__ = False

    partitions: int


@dataclass(frozen=True)
class RunningKafka:
    bootstrap_servers: str


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    """A broker that ends with the session, also when that is killed."""
    load_classes_once(tmp_path_factory.mktemp("classes"))
    with (
        directory_in_memory(tmp_path_factory.mktemp("kafka")) as directory,
        Broker(directory, properties=PATIENT) as broker,
    ):
        yield RunningKafka(broker.bootstrap_servers)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "partitions(number): of each topic of its installation")


@pytest.fixture
def installation(kafka: RunningKafka, request: pytest.FixtureRequest) -> Iterator[TestInstallation]:
    """All topics under a prefix that no other test uses.

    Each has 2 partitions unless the test is marked with another number, as are those in which
    several processes share them, or whose races more of them make likelier.
    """
    marked = request.node.get_closest_marker("partitions")
    with installation_on(kafka, *(marked.args if marked else ())) as made:
        yield made


@contextmanager
def installation_on(kafka: RunningKafka, partitions: int = 2) -> Iterator[TestInstallation]:
    """One more installation on the same broker."""
    made = TestInstallation(
        bootstrap_servers=kafka.bootstrap_servers,
        topic_prefix=f"test-{secrets.token_hex(4)}.",
        partitions=partitions,
    )
    create_topics(made, made.partitions)
    yield made
    with admin(made) as client:  # whose end nobody waits for: the prefix isn't used again
        client.delete_topics([made.name_of(topic) for topic in TOPICS], raise_errors=False)
