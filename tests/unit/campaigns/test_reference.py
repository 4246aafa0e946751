"""The reference page says what the types say."""

import re
from pathlib import Path

import pytest

from reftrail.campaigns import FaultyFile, lint, read_campaigns, reference
from reftrail.campaigns.findings import Around
from reftrail.campaigns.lint import CHECKS

README = Path(reference.__file__).with_name("README.md").read_text("utf-8")
NEXT = "Write them anew from: python -m reftrail.campaigns.reference"


def test_the_settings_are_those_of_the_types() -> None:
    settings = README.split("## Settings\n\n")[1].split("\n\n## Reasons")[0]
    assert settings == reference.page(), NEXT


def test_the_reasons_are_those_of_the_rules() -> None:
    reasons = README.split("|---|---|---|---|\n")[-1].split("\n\n")[0].splitlines()
    assert reasons == reference.reason_rows(), NEXT


def test_the_warnings_are_those_of_lint() -> None:
    warnings = README.split("| warning | when |\n|---|---|\n")[1].strip().splitlines()
    assert warnings == reference.lint_rows(), NEXT
    assert len(warnings) == len(CHECKS)


def test_the_example_is_a_file_without_warnings(tmp_path: Path) -> None:
    file = tmp_path / "friends.toml"
    file.write_text(README.split("```toml\n")[1].split("```")[0])
    (campaign,) = read_campaigns(file)
    assert campaign.milestones[0].name == "Silver"
    assert not lint(campaign, Around(now=0))


def test_the_example_of_rewards_that_differ_is_a_file_without_warnings(tmp_path: Path) -> None:
    file = tmp_path / "partners.toml"
    file.write_text(README.split("## Rewards that differ")[1].split("```toml\n")[1].split("```")[0])
    (campaign,) = read_campaigns(file)
    assert [tier.referrals for tier in campaign.reward.referrer.tiers] == [5, 20]


def test_the_experiment_belongs_to_that_file(tmp_path: Path) -> None:
    whole = README.split("```toml\n")[1].split("```")[0]
    experiment = README.split("## Experiments")[1].split("```toml\n")[1].split("```")[0]
    file = tmp_path / "friends.toml"
    file.write_text(f"{whole}\n{experiment}")
    (campaign,) = read_campaigns(file)
    assert campaign.experiment is not None
    assert [arm.name for arm in campaign.experiment.arms] == ["ten", "twenty"]
    assert not lint(campaign, Around(now=0))


def test_the_error_is_one_that_is_given(tmp_path: Path) -> None:
    file = tmp_path / "friends.toml"
    good = README.split("```toml\n")[1].split("```")[0]
    file.write_text(good.replace('"14 days"', '"2 weaks"'))
    with pytest.raises(FaultyFile) as caught:
        read_campaigns(file)
    shown = re.search(r"error: (friends\.toml:6:12:.*?)```", README, re.DOTALL)
    assert shown is not None
    assert str(caught.value).replace(f"{tmp_path}/", "") == shown[1].strip()
