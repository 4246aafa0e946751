"""Purchases that are kept for a merge don't slow down what comes after them."""

from typing import Any

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import Claimed
from reftrail.contracts.stage_messages import Forwarded
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES
from reftrail.rules.attribution.waiting import KeptAction, WaitingAction
from reftrail.testing import campaign, code, converted, given

ATTRIBUTION = STAGES["attribution"]


def test_they_are_no_cells_of_the_group_in_which_every_decision_looks() -> None:
    store = StateStore(ATTRIBUTION)
    tables = ReferenceTables([campaign("spring"), code("AMY")])
    typed: dict[str, Any] = {"typed_code": "AMY", "typed_campaign_id": "spring"}
    records = [converted("signup", at="10:00", **typed).record()]
    records += [
        converted(
            "purchase",
            at="11:00",
            event_id=f"c{nth}",
            conversion_event_id=f"p{nth}",
            order_id=f"o{nth}",
            amount_micros=1_000_000,
            currency="USD",
        ).record()
        for nth in range(20)
    ]
    count = len(records)
    values: list[bytes | None] = [encode(record) for record in records]
    chunk = Chunk(0, count, list(range(count)), [0] * count, [b"u"] * count, values)
    outcome = StageOfPartition(ATTRIBUTION, 0, 1).decide(chunk, store, tables)
    store.apply(outcome.changes, outcome.due_times)
    groups = [key.partition(":")[0] for key in outcome.changes]
    (user,) = {group for group in groups if not group.endswith("%")}
    assert groups.count(user) == 1
    assert groups.count(f"{user}%") == 20


def test_a_refund_that_goes_ahead_of_its_user_s_history_doesn_t_wait_for_a_signup() -> None:
    """A tick between both would find its time over, and make a dead letter of it."""
    bought: dict[str, Any] = {"order_id": "o1", "amount_micros": 1_000_000, "currency": "USD"}
    story = given(campaign("spring"), code("AMY"))
    story.given(converted("signup", at="10:00", user_id="guest", typed_code="AMY"))
    story.given(converted("purchase", at="11:00", user_id="guest", **bought))
    story.given(converted("refund", at="12:00", user_id="guest", **bought))
    story.when(converted("users_merged", at="13:00", user_id="guest", merged_into="account"))
    ahead, *rest = (record for record in story.followed if isinstance(record, Forwarded))
    assert ahead.record is not None
    assert ahead.has_claimed
    story.when(ahead)
    cells = [cell for key, cell in story.states.items() if key.startswith("attribution/account")]
    assert [type(cell) for cell in cells if isinstance(cell, WaitingAction)] == [KeptAction]
    claims: list[Claimed] = []
    for record in rest:
        story.when(record)
        claims += [made for made in story.followed if isinstance(made, Claimed)]
    assert [claim.action for claim in claims] == ["refund"]
