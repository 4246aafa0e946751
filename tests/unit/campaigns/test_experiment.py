"""Experiments in campaign files."""

from pathlib import Path
from typing import Any

import pytest

from reftrail.campaigns import Campaign, FaultyFile, as_toml, differences, next_version
from reftrail.campaigns.file import read_campaigns
from reftrail.contracts.policy import Arm, ArmReward, ArmUnit, Experiment, policy_in, policy_text
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.side_rules import Percent

FILE = """
[campaign]
campaign_id = "friends"
name = "Bring a friend"
trigger = "first_purchase"

[campaign.reward]
currency = "EUR"
referrer.value = "10.00"

[campaign.experiment]
by = "code"
salt = "2026-11"

[[campaign.experiment.arms]]
name = "control"
share = 3

[[campaign.experiment.arms]]
name = "milestones"
share = 1
referrer = { percent = "12.5", maximum = "20.00" }
referee.value = "5.00"
"""


def read(tmp_path: Path, text: str) -> Campaign:
    file = tmp_path / "campaigns.toml"
    file.write_text(text)
    (campaign,) = read_campaigns(file)
    return campaign


def defined(tmp_path: Path, text: str = FILE) -> CampaignDefined:
    return next_version(read(tmp_path, text), None, 1_000).defined


def test_a_file_reads_as_it_is_meant(tmp_path: Path) -> None:
    policy = policy_in(defined(tmp_path).policy)
    share = Percent(rate=125_000, maximum_micros=20_000_000)
    assert policy.experiment == Experiment(
        by=ArmUnit.CODE,
        salt="2026-11",
        arms=[
            Arm(name="control", share=3),
            Arm(
                name="milestones",
                share=1,
                referrer=ArmReward(percent=share),
                referee=ArmReward(value_micros=5_000_000),
            ),
        ],
    )
    assert policy.language == 2, "older workers stop, since they know of no arms"


def test_a_policy_without_an_experiment_says_nothing_of_it(tmp_path: Path) -> None:
    plain = FILE[: FILE.index("[campaign.experiment]")].replace("first_purchase", "signup")
    assert defined(tmp_path, plain).policy is None
    held = plain.replace('name = "Bring', 'hold_for = "1 day"\nname = "Bring')
    text = defined(tmp_path, held).policy
    assert text is not None
    assert "experiment" not in text
    assert policy_text(policy_in(text)) == text


def test_a_version_is_shown_as_the_file_that_defines_it(tmp_path: Path) -> None:
    first = defined(tmp_path)
    shown = as_toml(first)
    for text in (shown, shown.replace("# ", "")):
        assert not next_version(read(tmp_path, text), first, 2_000).written


def test_a_difference_names_the_arm(tmp_path: Path) -> None:
    first = defined(tmp_path)
    second = defined(tmp_path, FILE.replace("share = 3", "share = 1"))
    found = {
        difference.name: (difference.old, difference.new)
        for difference in differences(first, second)
    }
    assert found == {"experiment.arms.control.share": ("3", "1")}


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ('name = "milestones"', 'name = "control"', "20:8", 'there is an arm "control" before'),
        ("share = 3", "share = 0", "17:9", "share is 0; expected a whole number"),
        ('salt = "2026-11"\n', "", "11:1", "experiment.salt is missing"),
        ('by = "code"', 'by = "user"', "12:6", 'expected one of "visitor", "code"'),
        ('"5.00"', '"5.001"', "23:17", "5.001 EUR is not"),
        ('"first_purchase"', '"signup"', "22:24", "percent is a share of one order"),
        ('percent = "12.5"', 'percent = "12.5", value = "1"', "22:24", "not both"),
        ('percent = "12.5", ', "", "22:24", "maximum is for a reward in percent"),
        ('value = "10.00"', 'kind = "code"', "22:24", "is an item, and no share of an order"),
    ],
)
def test_what_can_t_be_is_an_error_at_its_place(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    with pytest.raises(FaultyFile) as caught:
        read(tmp_path, FILE.replace(old, new))
    assert f":{place}: " in str(caught.value)
    assert message in str(caught.value)


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(FaultyFile) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_one_arm_is_no_experiment(tmp_path: Path) -> None:
    text = FILE[: FILE.rindex("[[campaign.experiment.arms]]")]
    assert "an experiment needs two arms or more" in faults(tmp_path, text)


def test_an_arm_s_reward_of_a_kind_with_an_item_needs_the_campaign_s_item(tmp_path: Path) -> None:
    text = FILE.replace('currency = "EUR"', 'currency = "EUR"\nreferee.kind = "code"')
    assert "needs an item" in faults(tmp_path, text)
    with_item = text.replace('referee.kind = "code"', 'referee = { kind = "code", item = "five" }')
    assert read(tmp_path, with_item).reward.referee.item == "five"


def test_names_of_arms_are_those_of_settings_without_confusion() -> None:
    settings: dict[str, Any] = {"name": "arms", "share": 1}
    arms = [settings, settings | {"name": "milestones", "referee": {"value": "1"}}]
    given = {"campaign_id": "c", "name": "C", "experiment": {"salt": "s", "arms": arms}}
    shown = as_toml(next_version(Campaign.model_validate(given), None, 1).defined)
    assert "[campaign.experiment.arms.referee]" in shown
