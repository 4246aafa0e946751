"""16: a bonus in another currency than its campaign's budget."""

from pathlib import Path

from reftrail.campaigns import campaign_file, lint
from reftrail.campaigns.findings import Around
from reftrail.scenarios.happening import Happening
from reftrail.scenarios.play import Play
from reftrail.scenarios.script import Given, GivenCode

FILE = Path(__file__).parent / "campaigns" / "small-budget-usd.toml"


def test_a_bonus_that_no_budget_limits_is_warned_about_or_not_granted() -> None:
    (campaign,) = campaign_file(FILE).campaigns
    play = Play(Given(campaigns=(FILE.name,)), [campaign])
    play.give(GivenCode(code="AMY", owner="amy"))
    play.begin()
    signup = {"at": "day 1", "type": "signup", "who": "bob", "code": "AMY"}
    play.happen(Happening.model_validate(signup))
    is_granted = "milestone" in {order.role for order in play.found().fulfil}
    warned = [finding.where for finding in lint(campaign, Around(now=play.first_day))]
    assert not is_granted or any({"milestones", "caps"} & set(where) for where in warned)
