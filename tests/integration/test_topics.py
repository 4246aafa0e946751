"""Topics on a real broker are as the table says."""

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from support.kafka import TestInstallation

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.topics import EVENTS, LINK_CLICKS, REWARDS, TOPICS, TOUCHES
from reftrail.local.topics import admin, create_topics, delete_topics


def test_every_topic_of_the_table_is_there(installation: TestInstallation) -> None:
    with admin(installation) as client:
        described = client.describe_topics([installation.name_of(topic) for topic in TOPICS])
    assert [topic["error_code"] for topic in described] == [0] * len(TOPICS)
    assert {len(topic["partitions"]) for topic in described} == {installation.partitions}


def test_creating_topics_again_changes_nothing(installation: TestInstallation) -> None:
    create_topics(installation, installation.partitions)


def test_a_topic_that_went_missing_is_made_again(installation: TestInstallation) -> None:
    name = installation.name_of(EVENTS)
    with admin(installation) as client:
        client.delete_topics([name])
        while name in client.list_topics():
            pass
        create_topics(installation, installation.partitions)
        assert name in client.list_topics()


def test_another_number_of_partitions_is_refused(installation: TestInstallation) -> None:
    with pytest.raises(ExpectedError, match=r"5 partitions were asked for, but .*events has 2"):
        create_topics(installation, 5)


def test_deleted_topics_are_gone(installation: TestInstallation) -> None:
    delete_topics(installation)
    with admin(installation) as client:
        assert not [n for n in client.list_topics() if n.startswith(installation.topic_prefix)]


def test_topics_are_kept_as_the_table_says(installation: TestInstallation) -> None:
    expected = {
        EVENTS: {
            "cleanup.policy": "delete",
            "retention.ms": str(90 * 24 * 60 * 60 * 1000),
            "min.insync.replicas": "1",
        },
        REWARDS: {"cleanup.policy": "delete", "retention.ms": "-1"},
        TOUCHES: {"cleanup.policy": "compact"},
        LINK_CLICKS: {"retention.ms": "7200000", "segment.ms": "7200000"},
    }
    for topic, settings in expected.items():
        name = installation.name_of(topic)
        with admin(installation) as client:
            resource = ConfigResource(ConfigResourceType.TOPIC, name)
            found = client.describe_configs([resource], config_filter="all")["topic"][name]
        assert {key: found[key]["value"] for key in settings} == settings
