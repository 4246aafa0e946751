"""Explanation of merged users: the merge, whose attribution is left, and through what."""

import pytest
from support.clickhouse import ClickHouse
from support.memory_log import MemoryLog
from support.programme import T0, attributed, campaign, click, code, signup, users_merged

from reftrail.contracts.events import Purchase, UsersMerged
from reftrail.contracts.record import HOUR
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, CONVERSIONS, EVENTS, REWARDS
from reftrail.engine.memory import MemoryHost
from reftrail.reports.explain.derivation import derive
from reftrail.reports.explain.explanation import SAME
from reftrail.reports.explain.journey import journey
from reftrail.reports.explain.summary import summary

UNIT = 1_000_000


@pytest.fixture
async def merged(clickhouse: ClickHouse) -> ClickHouse:
    await clickhouse.load(CODES, [code("AMY", "spring"), code("BOB", "spring")])
    await clickhouse.load(CONVERSIONS, [users_merged("guest", "account")])
    await clickhouse.load(
        ATTRIBUTIONS,
        [
            attributed("guest", "AMY", event_time=T0),
            attributed("account", "BOB", event_time=T0 + HOUR, event_id="ended"),
            attributed("account", "BOB", basis="merged", decisive=False, corrects="ended"),
            attributed("stranger", "BOB"),
        ],
    )
    return clickhouse


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("AMY", "guest"), "User guest was merged into account."),
        (("AMY", "guest"), "User guest is attributed to AMY by first touch"),
        (("BOB", "account"), "Merged into account: guest."),
        (("BOB", "account"), "attribution of user account to BOB has ended: the user was merged"),
        (
            ("AMY", "account"),
            "earns under that, as the person that both are: ask for AMY and guest",
        ),
    ],
)
def test_an_explanation_names_the_merge_and_whose_attribution_is_left(
    merged: ClickHouse, asked: tuple[str, str], says: str
) -> None:
    text = " ".join(summary(journey(merged.reading, *asked), *asked))

    assert says in text
    assert "too late" not in text
    assert "stranger" not in text


def programme() -> MemoryHost:
    """A guest by AMY and an account by BOB, each with an order, and one that both report."""
    host = MemoryHost(partitions=2, batch=3)
    rewards = {"referrer_reward_micros": 5 * UNIT, "trigger": Trigger.FIRST_PURCHASE}
    host.publish(CAMPAIGNS, campaign("spring", policy='{"repeats": 0}', **rewards))
    host.publish(
        CODES, *(code(name, "spring", owner_user_id=name.lower()) for name in ("AMY", "BOB"))
    )
    named = {"code_known": True, "campaign_id": "spring"}
    events = [
        click("phone", "AMY", event_time=T0, event_id="guest's click", **named),
        signup("guest", "phone", event_time=T0 + HOUR),
        click("laptop", "BOB", event_time=T0, **named),
        signup("account", "laptop", event_time=T0 + 2 * HOUR),
        *(
            Purchase(
                event_id=f"{user} buys {order}",
                event_time=T0 + 3 * HOUR,
                received_at=T0 + 3 * HOUR,
                user_id=user,
                order_id=order,
                amount_micros=10 * UNIT,
                currency="USD",
            )
            for user, order in (
                ("account", "shared"),
                ("guest", "shared"),
                ("account", "own"),
                ("guest", "first"),
            )
        ),
        UsersMerged(
            event_id="merge",
            event_time=T0 + 4 * HOUR,
            received_at=T0 + 4 * HOUR,
            user_id="guest",
            merged_into="account",
        ),
    ]
    for event in events:
        host.publish(EVENTS, event)
        host.run()
    return host


@pytest.mark.parametrize(("its_code", "user"), [("AMY", "guest"), ("BOB", "account")])
def test_decisions_about_merged_users_are_the_same_when_made_again(
    its_code: str, user: str
) -> None:
    host = programme()
    assert len(host.log(REWARDS)) > 4

    for derivation in derive(MemoryLog(host), its_code, user):
        assert derivation.verdict == SAME, derivation
