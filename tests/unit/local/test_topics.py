"""Settings of topics, before a broker sees them."""

import pytest

from reftrail.contracts.topics import TOPICS
from reftrail.local.topics import topic_configuration


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_an_acknowledged_record_is_on_two_brokers_where_there_are_three(
    replicas: int, in_sync: str
) -> None:
    settings = [topic_configuration(topic, replicas) for topic in TOPICS]
    assert {each["min.insync.replicas"] for each in settings} == {in_sync}
