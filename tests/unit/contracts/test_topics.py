"""The topic table."""

import pytest

from reftrail.contracts.record import DAY
from reftrail.contracts.registry import latest
from reftrail.contracts.topic import DEFAULT_PREFIX, FOR_GOOD, Topic
from reftrail.contracts.topics import (
    CAMPAIGNS,
    CLAIMS,
    CODES,
    CONVERSIONS,
    EVENTS,
    INSTALL_MATCHES,
    LINK_CLICKS,
    PUBLIC_TOPICS,
    REWARD_GRANTED,
    REWARDS,
    TOPICS,
    TOUCHES,
)
from reftrail.testing import (
    campaign,
    claimed,
    click,
    code,
    converted,
    granted,
    purchase,
    signup,
    to_fulfil,
    touched,
)


@pytest.mark.parametrize(
    ("topic", "record", "key"),
    [
        (EVENTS, click("AMY", at="10:00", user_id="u1"), "v1"),
        (EVENTS, signup(at="10:00"), "v1"),
        (EVENTS, signup(at="10:00", visitor_id=None), "u1"),
        (EVENTS, purchase("o1", at="10:00", visitor_id="v1"), "u1"),
        (CODES, code("AMY"), "AMY"),
        (CAMPAIGNS, campaign("spring", version=2), "spring@2"),
        (TOUCHES, touched("AMY", at="10:00").record(), "v1"),
        (CONVERSIONS, converted("signup", at="10:00").record(), "u1"),
        (CLAIMS, claimed("signup", "AMY", at="10:00").record(), "AMY"),
        (REWARDS, granted("referee", "AMY").record(), "AMY:u1"),
        (REWARD_GRANTED, to_fulfil("referee", "AMY").record(), "AMY:u1"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "name", ""),
)
def test_records_have_the_key_that_the_table_says(topic: Topic, record: object, key: str) -> None:
    assert topic.key_of(record) == key


def test_names_are_unique_and_take_the_installation_s_prefix() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    assert EVENTS.full_name(DEFAULT_PREFIX) == "referral.events"


def test_public_topics_carry_records_with_a_schema_and_others_are_state() -> None:
    for topic in TOPICS:
        assert (topic in PUBLIC_TOPICS) == topic.public
        assert topic.record is None or not topic.name.endswith("-changelog")
        if topic.public:
            assert topic.record is not None
            assert latest(topic.record.__name__)
            assert "warehouse" in topic.read_by


def test_what_must_not_be_forgotten_is_kept_for_good() -> None:
    for topic in TOPICS:
        if topic.compacted or topic in (REWARDS, REWARD_GRANTED):
            assert topic.kept == FOR_GOOD
        elif topic not in (LINK_CLICKS, INSTALL_MATCHES):  # what counts for a time, by its age
            assert topic.kept == FOR_GOOD or topic.kept >= 90 * DAY
