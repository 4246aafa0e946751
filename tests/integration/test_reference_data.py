"""Campaigns on a real broker: what is written, found again, and refused."""

import pytest
from support.kafka import TestInstallation
from support.log import read_committed

from reftrail.campaigns import Campaign
from reftrail.campaigns.apply import apply_campaigns, defined_campaigns
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CAMPAIGNS
from reftrail.hosting.kafka import blocking


def summer(**rules: object) -> Campaign:
    return Campaign.model_validate({"campaign_id": "summer", "name": "Summer"} | rules)


def test_a_campaigns_versions(installation: TestInstallation) -> None:
    winter = Campaign(campaign_id="winter", name="Winter")
    assert [a.written for a in apply_campaigns(installation, [summer(), winter])] == [True, True]
    assert [a.written for a in apply_campaigns(installation, [summer(), winter])] == [False, False]
    (changed,) = apply_campaigns(installation, [summer(referrer_reward="5.00")])
    assert changed.defined.version == 2
    versions = defined_campaigns(installation, "summer")
    assert [(d.version, d.referrer_reward_micros) for d in versions] == [(1, 0), (2, 5_000_000)]
    logged = read_committed(installation, CAMPAIGNS)
    assert sorted(entry.key for entry in logged) == ["summer@1", "summer@2", "winter@1"]
    for entry in logged:
        assert entry.partition == CAMPAIGNS.partition(entry.key, installation.partitions)


def test_a_campaign_given_twice_is_refused(installation: TestInstallation) -> None:
    with pytest.raises(ExpectedError, match="summer is defined more than once"):
        apply_campaigns(installation, [summer(), summer()])
    assert read_committed(installation, CAMPAIGNS) == []


def test_without_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "_BOOTSTRAP_MS", 1_000)
    with pytest.raises(ExpectedError, match=r"127\.0\.0\.1:1 does not answer"):
        defined_campaigns(Installation(bootstrap_servers="127.0.0.1:1"))


def test_without_topics(installation: TestInstallation) -> None:
    elsewhere = Installation(
        bootstrap_servers=installation.bootstrap_servers, topic_prefix="nowhere."
    )
    with pytest.raises(ExpectedError, match=r"nowhere\.campaigns does not exist"):
        defined_campaigns(elsewhere)
