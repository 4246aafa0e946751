"""Campaigns and codes on a real broker: what is written, found again, and refused."""

from pathlib import Path

import pytest
from support.kafka import TestInstallation
from support.log import read_committed

from reftrail.campaigns import Campaign, apply_campaigns, defined_campaigns
from reftrail.codes import NewCode, find_code, read_codes, register_codes, revoke_code
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CAMPAIGNS, CODES


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


def test_codes_are_registered_once(installation: TestInstallation) -> None:
    apply_campaigns(installation, [summer()])
    amy = NewCode(code="AMY1", campaign_id="summer", owner_user_id="amy", max_uses=3)
    bob = NewCode(code="BOB1", campaign_id="summer", owner_user_id="bob")
    first = register_codes(installation, [amy, bob])
    again = register_codes(installation, [amy, bob])
    assert (first.added, first.unchanged) == (2, 0)
    assert (again.added, again.unchanged) == (0, 2)
    found = find_code(installation, "AMY1")
    assert (found.owner_user_id, found.max_uses, found.status) == ("amy", 3, "active")
    logged = read_committed(installation, CODES)
    assert sorted(entry.key for entry in logged) == ["AMY1", "BOB1"]
    for entry in logged:
        assert entry.partition == CODES.partition(entry.key, installation.partitions)


def test_a_code_cannot_change_hands(installation: TestInstallation) -> None:
    apply_campaigns(installation, [summer()])
    register_codes(installation, [NewCode(code="AMY1", campaign_id="summer", owner_user_id="amy")])
    stolen = NewCode(code="AMY1", campaign_id="summer", owner_user_id="eve")
    new = NewCode(code="EVE1", campaign_id="summer", owner_user_id="eve")
    with pytest.raises(ExpectedError, match="AMY1 is registered already"):
        register_codes(installation, [new, stolen])
    assert [entry.key for entry in read_committed(installation, CODES)] == ["AMY1"]


def test_a_code_needs_its_campaign(installation: TestInstallation) -> None:
    with pytest.raises(ExpectedError, match="no campaign summer"):
        register_codes(installation, [NewCode(code="AMY1", campaign_id="summer")])


def test_revoking(installation: TestInstallation) -> None:
    apply_campaigns(installation, [summer()])
    register_codes(installation, [NewCode(code="AMY1", campaign_id="summer")])
    assert revoke_code(installation, "AMY1").status == "revoked"
    assert revoke_code(installation, "AMY1") == find_code(installation, "AMY1")
    assert len(read_committed(installation, CODES)) == 2
    with pytest.raises(ExpectedError, match="NONE is not registered"):
        revoke_code(installation, "NONE")


def test_codes_from_a_file(installation: TestInstallation, tmp_path: Path) -> None:
    apply_campaigns(installation, [summer()])
    file = tmp_path / "codes.csv"
    file.write_text(
        "code,campaign,owner,max_uses,expires_at\n"
        "AMY1,summer,amy,5,2026-01-01T00:00:00Z\n"
        "BOB1,summer,,,\n"
    )
    assert register_codes(installation, read_codes(file)).added == 2
    amy, bob = (find_code(installation, code) for code in ("AMY1", "BOB1"))
    assert (amy.owner_user_id, amy.max_uses, amy.expires_at) == ("amy", 5, 1_767_225_600_000)
    assert (bob.owner_user_id, bob.max_uses, bob.expires_at) == (None, None, None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("code,owner\n", "must name the columns code and campaign_id"),
        ("code,campaign,colour\n", "'colour' is not known"),
        ("code,campaign\nA:B,summer\n", "line 2, code: is 'A:B'"),
        ("code,campaign,max_uses\nA,summer,many\n", "line 2, max_uses: is 'many'"),
        ("code,campaign,expires_at\nA,summer,2026-01-01T00:00:00\n", "line 2, expires_at"),
    ],
)
def test_a_file_with_a_fault(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "codes.csv"
    file.write_text(content)
    with pytest.raises(ExpectedError) as caught:
        list(read_codes(file))
    assert says in str(caught.value)


def test_without_a_broker_or_topics() -> None:
    with pytest.raises(ExpectedError, match=r"127\.0\.0\.1:1 does not answer"):
        defined_campaigns(Installation(bootstrap_servers="127.0.0.1:1"))


def test_without_topics(installation: TestInstallation) -> None:
    elsewhere = Installation(
        bootstrap_servers=installation.bootstrap_servers, topic_prefix="nowhere."
    )
    with pytest.raises(ExpectedError, match=r"nowhere\.campaigns does not exist"):
        defined_campaigns(elsewhere)
