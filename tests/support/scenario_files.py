"""Files of scenarios for tests, and their outcomes."""

from pathlib import Path

from reftrail.scenarios import Outcome, read_scenarios

CAMPAIGN = """
[campaign]
campaign_id = "friends"
name = "Friends"
trigger = "first_purchase"
reward.currency = "EUR"
reward.referrer.value = "10.00"
reward.referee.value = "10.00"
"""


HEAD = """
[given]
campaigns = "friends.toml"
codes = [{ code = "AMY", owner = "amy" }, { code = "OLD", owner = "olga", expires = "day 2" }]
"""


CLICK = '{ at = "day 1 10:00", type = "click", who = "bob", code = "AMY" }'


SIGNUP = '{ at = "day 1 10:05", type = "signup", who = "bob" }'


PURCHASE = '{ at = "+2 days", type = "purchase", who = "bob", amount = "30.00" }'


def written(folder: Path, text: str) -> Path:
    (folder / "friends.toml").write_text(CAMPAIGN)
    file = folder / "friends.scenarios.toml"
    file.write_text(text)
    return file


def scenario(when: str, then: str, name: str = "one", given: str = "") -> str:
    return f'[[scenario]]\nname = "{name}"\n{given}\nwhen = [{when}]\n[scenario.then]\n{then}\n'


def played(folder: Path, when: str, then: str, given: str = "") -> Outcome:
    text = HEAD + scenario(when, then, given=given)
    (outcome,) = read_scenarios(written(folder, text)).outcomes()
    return outcome


def differences(outcome: Outcome) -> dict[str, tuple[str, ...]]:
    return {difference.part: difference.lines for difference in outcome.differences}


CHAIR = PURCHASE.replace('"purchase"', '"purchase", order = "chair"')


STORY = f"{CLICK}, {SIGNUP}, {CHAIR}"


BAD_CODE = CLICK.replace('"AMY"', '"A/B"')
