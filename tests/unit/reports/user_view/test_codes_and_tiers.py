"""A user's codes with their counters, tiers, badges and shipments."""

from datetime import UTC, datetime

import msgspec
from support.clickhouse import ClickHouse
from support.programme import T0, attributed, campaign, code, milestone
from support.user_ledger import FIVE, view

from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.policy import Milestone, MilestoneKind, Policy, policy_text
from reftrail.contracts.record import DAY
from reftrail.contracts.topics import ATTRIBUTIONS, CAMPAIGNS, CODES, FULFILMENTS, MILESTONES
from reftrail.reports.user_view.gathered import MOST_SHOWN
from reftrail.reports.user_view.history import HistoryPage
from reftrail.reports.user_view.view import user_view


async def test_the_user_s_codes_have_their_counters(ledger: ClickHouse) -> None:
    await ledger.load(
        CODES,
        [
            code("AMY", "spring", owner_user_id="amy"),
            code("NEW", "autumn", owner_user_id="amy", revision=1),
            code("GONE", "spring", owner_user_id="amy", revision=1),
            code("GONE", "spring", owner_user_id="bob", revision=2),
        ],
    )
    await ledger.load(
        ATTRIBUTIONS,
        [
            attributed("uma", "AMY"),
            attributed("vic", "AMY"),
            attributed("vic", "NEW", campaign_id="autumn"),
            attributed("wes", "AMY", decisive=False),
        ],
    )

    found = view(ledger)

    assert found["codes_in_all"] == 2
    assert {code["code"]: code["attributed"] for code in found["codes"]} == {"AMY": 2, "NEW": 1}
    amy = next(code for code in found["codes"] if code["code"] == "AMY")
    assert amy | {"created_at": None} == {
        "code": "AMY",
        "campaign_id": "spring",
        "status": "active",
        "created_at": None,
        "expires_at": None,
        "max_uses": None,
        "attributed": 2,
        "users_rewarded": 6,
        "rewards_granted": 6,
        "rewards_held": 1,
        "rewards_rejected": 1,
    }


async def test_a_decision_that_was_corrected_does_not_count(clickhouse: ClickHouse) -> None:
    await clickhouse.load(CODES, [code(name, "spring", owner_user_id="amy") for name in ("A", "B")])
    first = attributed("uma", "A")
    corrected = attributed("uma", "B", basis="late_touch", corrects=first.event_id)
    clickhouse.stop_merges()
    await clickhouse.load(ATTRIBUTIONS, [first, attributed("vic", "A")])
    assert {code["code"]: code["attributed"] for code in view(clickhouse)["codes"]} == {
        "A": 2,
        "B": 0,
    }

    for _ in range(2):
        await clickhouse.load(ATTRIBUTIONS, [corrected])

        found = {code["code"]: code["attributed"] for code in view(clickhouse)["codes"]}
        assert found == {"A": 1, "B": 1}


async def test_of_many_codes_the_latest_are_shown_and_all_count(clickhouse: ClickHouse) -> None:
    many = [
        code(f"C{number}", f"campaign-{number % 2}", owner_user_id="amy", created_at=T0 + number)
        for number in range(MOST_SHOWN + 2)
    ]
    await clickhouse.load(CODES, [code("FIRST", "early", owner_user_id="amy", created_at=1), *many])

    found = view(clickhouse)

    assert [code["code"] for code in found["codes"]] == [
        change.code for change in many[: -MOST_SHOWN - 1 : -1]
    ]
    assert found["codes_in_all"] == MOST_SHOWN + 3
    standing = [campaign["campaign_id"] for campaign in found["standing"]]
    assert standing == ["campaign-0", "campaign-1", "early"]


MILESTONES_OF_SPRING = [
    Milestone(name="bronze", kind=MilestoneKind.TIER, grants=2),
    Milestone(name="silver", kind=MilestoneKind.TIER, grants=6),
    Milestone(name="starter", kind=MilestoneKind.BADGE, grants=1),
    Milestone(
        name="ten", kind=MilestoneKind.BONUS, grants=10, value_micros=FIVE, currency="points"
    ),
]


async def test_tier_badges_and_what_is_next(ledger: ClickHouse) -> None:
    text = policy_text(Policy(milestones=MILESTONES_OF_SPRING))
    none = campaign("spring", version=2, effective_from=T0 + DAY, policy=None)
    await ledger.load(CAMPAIGNS, [campaign("spring", policy=text), none])
    actual = [
        milestone("silver", "tier", 9, grants=6, reached=False),
        milestone("starter", "badge", 1, grants=1),
        milestone("bronze", "tier", 2, grants=2),
        milestone("silver", "tier", 5, grants=6),
    ]
    ledger.stop_merges()
    for _ in range(2):
        await ledger.load(MILESTONES, actual)

    (found,) = view(ledger)["standing"]

    assert found == {
        "campaign_id": "spring",
        "grants": 5,
        "tier": "bronze",
        "badges": ["starter"],
        "next": {
            "name": "silver",
            "kind": "tier",
            "grants": 6,
            "missing": 1,
            "value": None,
            "currency": None,
            "item": None,
        },
    }
    later = user_view(
        ledger.reading, "amy", HistoryPage(), datetime.fromtimestamp(T0 / 1000 + 1e6, UTC)
    )
    assert later["standing"][0]["next"] is None


async def test_shipments_say_where_they_are(ledger: ClickHouse) -> None:
    report = FulfilmentReported(
        event_id="f1",
        event_time=T0 + 12,
        received_at=T0 + 12,
        code="AMY",
        user_id="abe",
        reward_id="r7",
        role="referrer",
        outcome="delivered",
        kind="shipment",
        attempts=2,
        carrier="owl",
        tracking_number="OWL-1",
    )
    failed = msgspec.structs.replace(
        report, event_id="f0", outcome="failed", carrier=None, event_time=T0 + 99
    )
    ledger.stop_merges()
    for _ in range(2):
        await ledger.load(FULFILMENTS, [failed, report])

    (found,) = view(ledger)["shipments"]

    assert found == {
        "reward_id": "r7",
        "status": "fulfilled",
        "item": "mug",
        "code": "AMY",
        "user_id": "abe",
        "campaign_id": "spring",
        "ordered_at": "2026-09-21T14:13:20.011Z",
        "since": "2026-09-21T14:13:20.012Z",
        "carrier": "owl",
        "tracking_number": "OWL-1",
        "reference": None,
        "detail": None,
    }
