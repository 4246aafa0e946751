"""Messages about a file that is wrong, and their places."""

from pathlib import Path

import pytest

from reftrail.campaigns import FaultyFile, read_campaigns

HEAD = '[[campaign]]\ncampaign_id = "summer"\nname = "Summer"\n'
FOR_ORDERS = 'trigger = "first_purchase"\n'


def faults(tmp_path: Path, text: str) -> list[tuple[int, int, str]]:
    file = tmp_path / "campaigns.toml"
    file.write_text(text)
    with pytest.raises(FaultyFile) as caught:
        read_campaigns(file)
    assert str(caught.value).startswith(f"{file}:{caught.value.faults[0].at.line}:")
    return [(fault.at.line, fault.at.column, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ('hold_for = "30 dayz"', 12, 'hold_for is "30 dayz"; expected a duration in quotes'),
        ("hold_for = 30", 12, "hold_for is 30; expected a duration in quotes"),
        ("hold_for = 10:00:00", 12, "hold_for is 10:00:00; expected a duration"),
        ('attribution_window = "40000 days"', 22, "attribution_window is"),
        ("referrer_reward = 5.0", 19, "referrer_reward is 5.0; expected an amount"),
        ('referrer_reward = "-5"', 19, 'referrer_reward is "-5"; expected an amount of at least 0'),
        ('referrer_reward = "0.0000001"', 19, "at most 6 places"),
        ("reward.referee.value = true", 24, "reward.referee.value is true; expected an amount"),
        ('trigger = "visit"', 11, 'expected one of "signup", "first_purchase", "nth_purchase"'),
        ("trigger = 1", 11, 'trigger is 1; expected one of "signup"'),
        ("starts_at = 2025-06-01T00:00:00", 13, "such as 2025-06-01T00:00:00Z"),
        ("starts_at = 2025-06-01", 13, "starts_at is 2025-06-01; expected a time with its offset"),
        ('counts_views = "yes"', 16, 'counts_views is "yes"; expected true or false'),
        ('reward_currency = "usd"', 19, "not of three letters"),
        ('reward.currency = "Points"', 19, 'reward.currency is "Points"; expected a currency'),
        ('refferer_reward = "5"', 1, "refferer_reward is not a setting; did you mean"),
        ("caps.per_cod = 5", 6, "caps.per_cod is not a setting; did you mean per_code?"),
        ("caps.zzz = 5", 6, "caps.zzz is not a setting; there are per_code, per_code_per_day"),
        ("caps.per_code = 0", 17, 'at least 1, without quotes, or "no limit"'),
        ('caps.budget = "none"', 15, 'caps.budget is "none"; expected an amount'),
        ("caps = 5", 8, "caps is 5; expected a table"),
        ("repeats = 0", 11, 'or "no limit"'),
        ("fraud.weights = { ring = 1001 }", 26, "from 0 to 1000"),
        ("fraud.weights.ring = -1", 22, "fraud.weights.ring is -1"),
        (
            'fraud.limits = { ring = "x" }',
            25,
            "the limit of ring is 'x'; expected a number of users",
        ),
        ("fraud.limits.fast_signup = 5", 28, 'a duration in quotes such as "10 seconds"'),
        ('fraud.limits.burst = "5 days"', 22, "expected a number of times"),
        ("fraud.limits = 5", 16, "expected a table"),
        ("fraud.decisive = [ 'ring', 'a b' ]", 28, "fraud.decisive.1"),
        ("fraud.decisive = 'ring'", 18, "expected an array"),
        ("fraud.reject_from = 55", 21, "reject_from is 55 and grant_up_to 55"),
        ("fraud = { grant_up_to = 80 }", 9, "reject_from is 70 and grant_up_to 80"),
        ("trigger_count = 3", 17, 'trigger_count 3 is for trigger = "nth_purchase"'),
        ('trigger = "amount_reached"', 1, "needs a minimum_amount"),
        ("starts_at = 2025-06-02T00:00:00Z\nends_at = 2025-06-01T00:00:00Z", 11, "not after"),
        ('reward.referrer = { value = "1", kind = "code" }', 19, "needs an item"),
        (
            'late_touch_grace = "31 days"',
            20,
            "late_touch_grace 31 days is longer than 30 days, for which a visitor is remembered",
        ),
        ('reward.currency = "EUR"\nreward_currency = "EUR"', 1, "are the same setting"),
        ('terms_from = "sign_up"', 14, 'expected one of "action", "signup"'),
        ("reward.referrer.tiers = [{ referrals = 0 }]", 40, "a whole number of at least 1"),
        (
            'reward.referrer.tiers = [{ referrals = 2, percent = "5" }]',
            53,
            'percent is about one order, and with trigger = "signup" no order earns by itself',
        ),
        (
            "reward.referrer.tiers = [{ referrals = 2 }, { referrals = 2 }]",
            59,
            "there is another of tiers with the same referrals before",
        ),
        (
            FOR_ORDERS + 'reward.referrer.tiers = [{ referrals = 2, percent = "5", value = "1" }]',
            53,
            "give a value or percent, not both",
        ),
        ("reward.referee.tiers = [{ referrals = 2 }]", 24, "a referee has none"),
        ('reward.referrer.later.value = "1"', 31, "later is about one order"),
        (
            FOR_ORDERS
            + 'reward.referrer = { later = { value = "1" }, tiers = [{ referrals = 2 }] }',
            29,
            "tiers and later both change what later orders earn",
        ),
        (
            FOR_ORDERS
            + 'reward.referee = { value = "1", bands = [{ amount = "5", value = "1" }] }',
            41,
            "bands give the value of every order, so value has no effect",
        ),
        (
            FOR_ORDERS + 'reward.referee.bands = [{ amount = "5", value = "1.001" }]',
            49,
            "1.001 USD is not",
        ),
        (
            FOR_ORDERS
            + "reward.referee.bands = [{ amount = 5, value = 1 }, { amount = 5, value = 2 }]",
            63,
            "there is another of bands",
        ),
        ('reward.referrer.maximum = "5"', 27, "maximum is for a reward in percent"),
        (
            'reward.referrer = { kind = "code", tiers = [{ referrals = 2, value = "1" }] }',
            28,
            "needs an item",
        ),
    ],
)
def test_a_fault_points_to_what_is_wrong(tmp_path: Path, line: str, column: int, says: str) -> None:
    ((at, found, message),) = faults(tmp_path, HEAD + line + "\n")
    assert says in message
    whole_campaign = "needs a minimum" in says or "same setting" in says
    assert at == (1 if whole_campaign else 4 + line.count("\n"))
    assert found == column if not whole_campaign else found > 0


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        (
            'referrer_reward = "1.005"\nreward_currency = "EUR"',
            19,
            (
                "1.005 EUR is not a whole number of minor units: EUR has 2 decimal places; "
                'write "1.00" or "1.01"'
            ),
        ),
        ('reward.referee.value = "1.005"', 24, "1.005 USD is not"),
        ('reward = { currency = "JPY", referrer.value = "19.99" }', 47, 'write "19" or "20"'),
        ('minimum_amount = "0.5"\nreward_currency = "points"', 18, "points has no decimal places"),
        ('caps.budget = "100.50"\nreward_currency = "JPY"', 15, "100.5 JPY is not"),
        ('caps.budget_per_day = "1.0001"\nreward_currency = "KWD"', 23, "KWD has 3 decimal"),
    ],
)
def test_an_amount_is_whole_in_its_currency(
    tmp_path: Path, line: str, column: int, says: str
) -> None:
    ((at, found, message),) = faults(tmp_path, HEAD + line + "\n")
    assert says in message
    assert (at, found) == (4, column)


def test_every_amount_that_is_not_whole_is_told_and_a_milestones_is_in_its_own_currency(
    tmp_path: Path,
) -> None:
    text = HEAD + (
        'reward_currency = "JPY"\nreferrer_reward = "1.5"\nreferee_reward = "100.00"\n'
        'caps.budget = "1.5"\n'
        '[[campaign.milestones]]\nname = "A"\nkind = "bonus"\ngrants = 1\n'
        'value = "1.5"\ncurrency = "EUR"\n'
        '[[campaign.milestones]]\nname = "B"\nkind = "bonus"\ngrants = 2\nvalue = "1.5"\n'
    )
    assert [(line, column) for line, column, _ in faults(tmp_path, text)] == [
        (5, 19),
        (7, 15),
        (18, 9),
    ]


@pytest.mark.parametrize("currency", ["EUX", "XYZ"])
def test_a_currency_is_one_of_iso_4217(tmp_path: Path, currency: str) -> None:
    ((line, column, message),) = faults(tmp_path, HEAD + f'reward_currency = "{currency}"\n')
    assert (line, column) == (4, 19)
    assert f'reward_currency is "{currency}"; expected a currency as in ISO 4217' in message


def test_milestones_are_pointed_to_one_by_one(tmp_path: Path) -> None:
    text = HEAD + (
        '[[campaign.milestones]]\nname = "Ü"\nkind = "bonus"\ngrants = 1\n'
        '[[campaign.milestones]]\nname = "B"\nkind = "badge"\ngrants = 1\nvalue = "1"\n'
        "[[campaign.milestones]]\n'name' = 'Ü' # ü\nkind = 'tear'\n"
    )
    found = faults(tmp_path, text)
    assert [(line, column) for line, column, _ in found] == [(4, 1), (12, 9), (13, 1), (15, 8)]
    assert "a bonus needs a value" in found[0][2]
    assert "a badge has no value" in found[1][2]
    assert "milestones.2.grants is missing; give a whole number" in found[2][2]
    assert 'milestones.2.kind is "tear"' in found[3][2]


def test_columns_count_characters(tmp_path: Path) -> None:
    line = 'reward = { referrer = { item = "Überraschung", value = 1.5 } }\n'
    ((at, column, _),) = faults(tmp_path, HEAD + line)
    assert (at, column) == (4, line.index("1.5") + 1)


def test_all_faults_of_all_campaigns_are_told(tmp_path: Path) -> None:
    text = HEAD + "counts_views = 1\n" + HEAD + "repeats = 'x'\n" + "[[campaign]]\nname = 'x'\n"
    assert [line for line, _, _ in faults(tmp_path, text)] == [4, 6, 8, 9]


def test_a_fault_shows_its_line(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(HEAD + 'hold_for = "1 dy"\n')
    with pytest.raises(FaultyFile) as caught:
        read_campaigns(file)
    assert str(caught.value).splitlines()[1:] == [
        '  4 | hold_for = "1 dy"',
        "    |            ^",
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("[[campaign]\n", 1, 11, "this is not TOML"),
        ('[campaign]\nname = "x', 2, 10, "this is not TOML"),
        ("[campaign]\na = 1\na = 2\n", 3, 6, "this is not TOML"),
        ("", 1, 1, "a campaign file has [campaign]"),
        ("[campaign]\n[code]\n", 2, 2, "nothing else"),
        ("campaign = 5\n", 1, 12, "expected a table"),
        ("[[campaign]]\nname = 'x'\n", 1, 1, "campaign_id is missing; give 1 to 64 of"),
        (HEAD + HEAD, 5, 15, "summer is defined more than once"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, line: int, column: int, says: str) -> None:
    ((at, found, message),) = faults(tmp_path, text)
    assert says in message
    assert (at, found) == (line, column)
