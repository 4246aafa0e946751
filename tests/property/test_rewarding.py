"""Properties of rewards for any claims: by few users, under codes with limits, often twice.

Claims come to the reward stage directly. Orders ask for no place there, since nobody would answer.
"""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from reftrail.contracts.decisions import Action, Claimed, RewardDecided, RewardStatus
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.policy import OrderIds, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT, Micros
from reftrail.contracts.reference import Trigger
from reftrail.contracts.topics import CAMPAIGNS, CODES, REWARD_INPUTS, REWARDS
from reftrail.engine.topology import STAGES
from reftrail.testing import MemoryHost, campaign, claimed, code

MINIMUM = 50 * MICROS_PER_UNIT
MOST_USES = {"SIGNUP": 2, "ORDER": 2}
EVIDENCE = {"DERIVED": CodeEvidence.DERIVED, "FORGED": CodeEvidence.FORGED}
REWARD = STAGES["reward"]


@st.composite
def claims(draw: st.DrawFn) -> Claimed:
    """A claim by one of four users under one of four codes; a refund's amount goes by its time."""
    user = draw(st.sampled_from(["u0", "u1", "u2", "u3"]))
    order = draw(st.sampled_from(["o1", "o2"]))
    what = draw(st.sampled_from([Action.SIGNUP, Action.PURCHASE, Action.PURCHASE, Action.REFUND]))
    overrides: dict[str, object] = {"user_id": user}
    if what != Action.SIGNUP:
        overrides["order_id"] = f"{user}-{order}"
    if what == Action.PURCHASE:
        overrides |= {"amount_micros": 60 * MICROS_PER_UNIT, "currency": "USD"}
    hour = draw(st.sampled_from([10, 11, 12, 13]))
    if what == Action.REFUND and hour > 10:
        overrides["amount_micros"] = {11: 4, 12: 6, 13: 7}[hour] * MICROS_PER_UNIT
    code = draw(st.sampled_from([*sorted(MOST_USES), *sorted(EVIDENCE)]))
    if code in EVIDENCE:
        overrides |= {"code_evidence": EVIDENCE[code], "campaign_id": "on-order"}
    claim = claimed(what, code, f"{hour}:00", **overrides).record()
    assert isinstance(claim, Claimed)
    return claim


logs = st.lists(claims(), min_size=10, max_size=40)


def decided(log: list[Claimed]) -> list[RewardDecided]:
    """The ledger after some claims."""
    host = MemoryHost((REWARD,), wire=False)
    host.publish(
        CAMPAIGNS,
        campaign("on-signup"),
        campaign(
            "on-order",
            trigger=Trigger.FIRST_PURCHASE,
            minimum_amount_micros=MINIMUM,
            policy=policy_text(Policy(order_ids=OrderIds.USER)),
        ),
    )
    host.publish(
        CODES,
        code("SIGNUP", campaign_id="on-signup", max_uses=MOST_USES["SIGNUP"]),
        code("ORDER", campaign_id="on-order", max_uses=MOST_USES["ORDER"]),
    )
    host.publish(REWARD_INPUTS, *log)
    host.run()
    return [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]


def without_repetitions(log: list[Claimed]) -> list[Claimed]:
    return list({claim.event_id: claim for claim in log}.values())


@given(logs)
def test_claims_that_come_again_change_nothing(log: list[Claimed]) -> None:
    once = decided(without_repetitions(log))
    again = decided(log)
    assert [entry.event_id for entry in again] == [entry.event_id for entry in once]


@given(logs)
def test_limits_are_reached_but_never_exceeded(log: list[Claimed]) -> None:
    users, used_up = defaultdict(set), set()
    for entry in decided(log):
        if entry.status == RewardStatus.GRANTED:
            users[entry.code].add(entry.user_id)
        if "code_used_up" in entry.reasons:
            used_up.add(entry.code)
    for name, most in MOST_USES.items():
        assert len(users[name]) <= most
        assert len(users[name]) == most or name not in used_up


@given(logs)
def test_each_side_has_one_entry_or_a_grant_and_its_reversal(log: list[Claimed]) -> None:
    story = defaultdict(list)
    for entry in decided(log):
        story[entry.reward_id].append(entry.status)
    for statuses in story.values():
        assert statuses in (["granted"], ["rejected"], ["granted", "reversed"])


@given(logs)
def test_whether_a_reward_stands_follows_from_what_was_paid_back_of_its_order(
    log: list[Claimed],
) -> None:
    """Summed up over the whole log, against the stage that sees one claim after the other."""
    paid_back: dict[str, Micros] = defaultdict(int)
    for claim in without_repetitions(log):
        if claim.action == Action.REFUND and claim.order_id:
            part = claim.amount_micros
            paid_back[claim.code + claim.order_id] += 60 * MICROS_PER_UNIT if part is None else part
    earning: dict[str, str] = {}
    for entry in decided(log):
        if entry.status == RewardStatus.GRANTED and entry.order_id is not None:
            earning[entry.reward_id] = entry.code + entry.order_id
        if entry.status == RewardStatus.REVERSED:
            order = earning.pop(entry.reward_id)
            assert 60 * MICROS_PER_UNIT - paid_back[order] < MINIMUM
    for order in earning.values():
        assert 60 * MICROS_PER_UNIT - paid_back[order] >= MINIMUM
