"""Scenarios in TOML: what passes, what fails and how it is printed, what can't be."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.scenario_files import (
    BAD_CODE,
    CAMPAIGN,
    CLICK,
    HEAD,
    PURCHASE,
    SIGNUP,
    STORY,
    differences,
    played,
    scenario,
    written,
)

from reftrail import scenarios
from reftrail.campaigns import FaultyFile
from reftrail.scenarios import as_text, read_scenarios, reference
from reftrail.scenarios.happening import Happening
from reftrail.scenarios.records import Records

README = (Path(scenarios.__file__).parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    "then",
    [
        'attributions = [{ who = "bob", code = "AMY", basis = "first_touch", decisive = true }]',
        'ledger = [{ status = "granted", to = "amy" }, { status = "granted", to = "bob" }]',
        'ledger = [{ status = "granted", at = "day 3 10:05" }, { status = "granted" }]',
        'ledger = [{ status = "granted", role = "referrer", who = "bob" }, { status = "granted" }]',
        'ledger = [{ status = "granted", code = "AMY", value = "10" }, { status = "granted" }]',
        'ledger = [{ status = "granted", currency = "EUR", version = 1 }, { status = "granted" }]',
        'ledger = [{ status = "granted", action = "purchase:chair" }, { status = "granted" }]',
        'ledger = [{ status = "granted", kind = "credit", reasons = [] }, { status = "granted" }]',
        'rewards = [{ status = "granted", to = "bob" }, { status = "granted", to = "amy" }]',
        'fulfil = [{ to = "amy", value = "10.00" }, { to = "bob" }]',
        "milestones = []\nrefused = []",
    ],
)
def test_what_is_so_passes(tmp_path: Path, then: str) -> None:
    assert differences(played(tmp_path, STORY, then)) == {}


@pytest.mark.parametrize(
    ("then", "part", "says"),
    [
        ("attributions = []", "attributions", "expected 0, found 1"),
        ('attributions = [{ who = "eve" }]', "attributions", "1. who: expected eve, found bob"),
        ("ledger = []", "ledger", "expected 0, found 2"),
        (
            'ledger = [{ status = "granted", to = "bob" }, { status = "held", to = "bob" }]',
            "ledger",
            "1. to: expected bob, found amy",
        ),
        (
            'ledger = [{ status = "granted", value = "9" }, { status = "granted" }]',
            "ledger",
            "1. value: expected 9.00, found 10.00",
        ),
        (
            'ledger = [{ status = "granted", at = "day 3 10:06" }, { status = "granted" }]',
            "ledger",
            "1. at: expected day 3 10:06, found day 3 10:05",
        ),
        (
            'ledger = [{ status = "granted", reasons = ["ring"] }, { status = "granted" }]',
            "ledger",
            "1. reasons: expected ring, found none",
        ),
        (
            'ledger = [{ status = "granted", due = "day 9" }, { status = "granted" }]',
            "ledger",
            "1. due: expected day 9 00:00, found none",
        ),
        ('rewards = [{ status = "granted", to = "bob" }]', "rewards", "expected 1, found 2"),
        (
            'rewards = [{ status = "granted", to = "bob" }, { status = "held", to = "amy" }]',
            "rewards",
            "2. status: expected held, found granted",
        ),
        ('fulfil = [{ to = "amy" }]', "fulfil", "expected 1, found 2"),
        ('milestones = [{ who = "amy", name = "Gold" }]', "milestones", "expected 1, found 0"),
        ('refused = [{ reason = "not_allowed" }]', "refused", "expected 1, found 0"),
    ],
)
def test_what_is_not_so_fails(tmp_path: Path, then: str, part: str, says: str) -> None:
    found = differences(played(tmp_path, STORY, then))
    assert list(found) == [part]
    assert says in found[part]


def test_what_was_given_is_not_looked_at(tmp_path: Path) -> None:
    outcome = played(
        tmp_path,
        PURCHASE,
        'attributions = []\nledger = [{ status = "granted" }, { status = "granted" }]',
        given=f"given.events = [{CLICK}, {SIGNUP}]",
    )
    assert outcome.passed


def test_scenarios_know_nothing_of_each_other(tmp_path: Path) -> None:
    text = HEAD + scenario(STORY, "attributions = [{ who = 'bob' }]", "one")
    text += scenario(STORY, "attributions = [{ who = 'bob' }]", "two")
    assert [outcome.passed for outcome in read_scenarios(written(tmp_path, text)).outcomes()] == [
        True
    ] * 2


def test_codes_are_looked_up_as_the_collector_does(tmp_path: Path) -> None:
    """A click on a code that nobody knows is no touch; one on a known code is."""
    unknown = CLICK.replace("AMY", "EVE")
    assert played(tmp_path, f"{unknown}, {SIGNUP}", "attributions = []").passed
    bot = CLICK.replace("}", ', user_agent = "Googlebot/2.1" }')
    assert played(tmp_path, f"{bot}, {SIGNUP}", "attributions = []").passed


@pytest.mark.parametrize(
    ("when", "field", "reason"),
    [
        (BAD_CODE, "code", "is 'A/B'; expected 1 to 64 of A-Z"),
        (SIGNUP.replace("}", ', ip = "x" }'), "ip", "length 1; expected an IPv4 or IPv6"),
        (CLICK.replace("}", ', key = "publishable", ip = "x" }'), "ip", "length 1; expected an IP"),
        (CLICK.replace("}", ', event_id = "first" }'), "event_id", "expected a UUID such as"),
        (CLICK.replace("}", ', country = "Germany" }'), "country", "expected two capital letters"),
        (CLICK.replace("}", f', properties.long = "{"x" * 20_000}" }}'), "properties", "at most"),
        (SIGNUP.replace("}", ', key = "publishable" }'), "type", "needs a secret key"),
        (PURCHASE.replace("30.00", "-30"), "amount", "is '-30'; expected a decimal in a string"),
        (PURCHASE.replace('"30.00"', '"5", currency = "eur"'), "currency", "is 'eur'; expected"),
        (CLICK.replace("}", ', arrives = "day 1 09:54" }'), "at", "lies 360 s ahead of the coll"),
        (
            CLICK.replace("}", ', key = "publishable", arrives = "day 8 10:01" }'),
            "at",
            "lies more than 7 days back",
        ),
    ],
)
def test_an_event_that_the_collector_rejects_fails_unless_that_is_expected(
    tmp_path: Path, when: str, field: str, reason: str
) -> None:
    (difference,) = played(tmp_path, when, "ledger = []").differences
    (found,) = difference.found
    assert (difference.part, difference.lines) == ("rejected", ("expected 0, found 1",))
    assert reason in found

    expected = f"rejected = [{{ field = '{field}', reason = \"{reason}\" }}]"
    assert played(tmp_path, when, expected).passed
    assert not played(tmp_path, when, expected.replace(reason, "another")).passed
    assert not played(tmp_path, when, expected.replace(field, "source")).passed


def test_a_rejection_that_is_expected_and_does_not_come_fails(tmp_path: Path) -> None:
    outcome = played(tmp_path, CLICK, 'rejected = [{ type = "click" }]')
    assert differences(outcome) == {
        "rejected": ("expected 1, found 0", "1. there is none such: type click")
    }


def test_a_rejected_event_is_not_there(tmp_path: Path) -> None:
    """A page can't report a purchase, whatever else happens."""
    forged = PURCHASE.replace("}", ', key = "publishable" }')
    then = 'ledger = []\nrejected = [{ type = "purchase", field = "type" }]'
    assert differences(played(tmp_path, f"{CLICK}, {SIGNUP}, {forged}", then)) == {}


def test_every_field_of_an_event_reaches_the_collector() -> None:
    given = {
        "event_id": "0190a6b0-5c4e-7d3a-9f51-0a1b2c3d4e5f",
        "code": "AMY",
        "campaign_id": "nonsense",
        "category": "shoes",
        "channel": "poster",
        "source": "portal",
        "country": "DE",
        "currency": "EUR",
    }
    renamed = {"visitor": "v", "user": "u", "order": "o", "amount": "1.5"}
    hashed = {"device": "D", "ip": "203.0.113.9", "email": "bob@example.org"}
    agent = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    event = recorded("signup", given | renamed | hashed | agent | {"properties": {"size": [1, 2]}})
    label = given.pop("campaign_id")
    assert (event["campaign_id"], event["client_campaign_id"]) == (None, label)
    assert {name: event[name] for name in given} == given
    assert (event["visitor_id"], event["user_id"], event["order_id"]) == ("v", "u", "o")
    assert (event["amount_micros"], event["properties"]) == (1_500_000, '{"size":[1,2]}')
    assert all(event[f"{kind}_hash"] for kind in ("device", "ip", "network", "email"))
    assert (event["user_agent"], event["user_agent_family"]) == (None, "Firefox")


def test_the_address_of_a_page_is_that_of_its_connection() -> None:
    """Both keys give the same hash of the same address: velocity counts them together."""
    hashes = {
        recorded("click", {"who": "bob", "key": key, "ip": "::ffff:203.0.113.9"})["ip_hash"]
        for key in ("secret", "publishable")
    }
    assert len(hashes - {None}) == len(hashes) == 1


def recorded(what: str, given: dict[str, Any]) -> dict[str, Any]:
    """The record that the collector makes of an event on day 1."""
    happening = Happening.model_validate({"at": "day 1", "type": what} | given)
    event = Records([]).event(happening, 1_767_225_600_000, None, 1_767_225_600_000)
    return msgspec.structs.asdict(event)


def test_what_comes_late_arrives_late(tmp_path: Path) -> None:
    late = (
        '{ at = "day 1 09:00", arrives = "day 1 12:00", type = "click", who = "bob", code = "AMY" }'
    )
    outcome = played(
        tmp_path, f"{SIGNUP}, {late}", 'attributions = [{ who = "bob", basis = "late_touch" }]'
    )
    assert differences(outcome) == {}


def test_a_code_changes_when_it_says_so(tmp_path: Path) -> None:
    revoked = '{ at = "day 1 12:00", type = "code", code = "AMY", status = "revoked" }'
    outcome = played(
        tmp_path,
        f"{CLICK}, {SIGNUP}, {revoked}, {PURCHASE}",
        'rewards = [{ status = "rejected", reasons = ["code_inactive"] }, { status = "rejected" }]',
    )
    assert differences(outcome) == {}


@pytest.mark.parametrize(
    ("registered", "earns"), [("day 1 09:59", True), ("day 1 10:00", True), ("day 1 10:01", False)]
)
def test_a_code_is_there_from_when_it_is_registered(
    tmp_path: Path, registered: str, earns: bool
) -> None:
    given = f'given.codes = [{{ code = "NEW", owner = "ned", registered = "{registered}" }}]'
    click = CLICK.replace("AMY", "NEW")
    attributions = "[{ who = 'bob', code = 'NEW' }]" if earns else "[]"
    outcome = played(tmp_path, f"{click}, {SIGNUP}", f"attributions = {attributions}", given)
    assert differences(outcome) == {}


def test_a_report_of_several_rewards_says_for_which_action(tmp_path: Path) -> None:
    report = (
        '{ at = "day 4", type = "fulfilment", who = "bob", code = "AMY", role = "referrer", '
        'outcome = "delivered", action = "%s" }'
    )
    when = f"{STORY}, {report % 'purchase:chair'}"
    then = 'rewards = [{ status = "fulfilled", to = "amy" }, { status = "granted", to = "bob" }]'
    assert differences(played(tmp_path, when, then)) == {}
    with pytest.raises(FaultyFile, match="bob has no referrer's reward for signup under AMY then"):
        played(tmp_path, f"{STORY}, {report % 'signup'}", then)


def test_a_reward_stands_at_what_refunds_have_left(tmp_path: Path) -> None:
    order = PURCHASE.replace('"purchase"', '"purchase", order = "lamp"')
    refund = '{ at = "+1 day", type = "refund", who = "bob", order = "lamp", amount = "7.50" }'
    then = (
        'rewards = [{ status = "granted", value = "7.50", to = "bob" }, { status = "granted" }]\n'
        'ledger = [{ status = "granted" }, { status = "granted" }, '
        '{ status = "reversed", value = "2.50" }, { status = "reversed", value = "2.50" }]'
    )
    file = written(tmp_path, HEAD + scenario(f"{CLICK}, {SIGNUP}, {order}, {refund}", then))
    (tmp_path / "friends.toml").write_text(CAMPAIGN + 'on_refund = "proportional"\n')
    (outcome,) = read_scenarios(file).outcomes()
    assert differences(outcome) == {}


def test_signals_of_a_codes_owner_are_hashed_as_events_are(tmp_path: Path) -> None:
    text = HEAD.replace('owner = "amy"', 'owner = "amy", owner_ip = "nowhere"')
    with pytest.raises(FaultyFile, match="'nowhere' is not an IPv4 or IPv6 address"):
        read_scenarios(written(tmp_path, text + scenario(STORY, "ledger = []"))).outcomes()


def test_the_first_day_can_be_any(tmp_path: Path) -> None:
    text = HEAD.replace("[given]", "[given]\nfirst_day = 2025-03-01") + scenario(
        f"{CLICK}, {SIGNUP}, {{ at = 2025-03-03T10:05:00Z, type = 'purchase', who = 'bob', "
        "amount = '30.00' }",
        'ledger = [{ status = "granted", at = "day 3 10:05" }, { status = "granted" }]',
    )
    (outcome,) = read_scenarios(written(tmp_path, text)).outcomes()
    assert differences(outcome) == {}


def test_the_report_fits_a_terminal(tmp_path: Path) -> None:
    words = "A long story that goes on and on " * 5
    text = HEAD + scenario(STORY, 'ledger = [{ status = "held", to = "eve" }]', words)
    outcomes = read_scenarios(written(tmp_path, text)).outcomes()
    printed = as_text(outcomes, show=True)
    assert max(map(len, printed.splitlines())) <= 80
    assert printed.splitlines()[-1] == "0 passed, 1 failed"


def test_the_page_is_that_of_the_types() -> None:
    after = "Write it anew from: python -m reftrail.scenarios.reference"
    assert reference.event_fields() in README, after
    assert "\n".join(reference.type_rows()) in README, after
    assert README.split("## Tables\n\n")[1].strip() == reference.page(), after


def test_the_example_of_the_page_is_told_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, README.split("```toml\n")[1].split("```")[0])
    monkeypatch.chdir(tmp_path)
    outcomes = read_scenarios(Path("friends.scenarios.toml")).outcomes()
    shown = README.split("```\n$ reftrail rules test friends.scenarios.toml\n")[1]
    assert as_text(outcomes) == shown.split("\n```")[0]
