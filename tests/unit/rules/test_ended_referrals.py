"""Referrals that merging has ended, each in a cell of its own: no cell grows with their number."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from reftrail.contracts.decisions import RewardDecided
from reftrail.contracts.policy import Policy, policy_text
from reftrail.contracts.record import Record
from reftrail.contracts.stage_messages import Forwarded, ReferralVoided
from reftrail.contracts.topics import CAMPAIGNS, CODES, EVENTS, REWARD_INPUTS, REWARDS
from reftrail.rules.attribution import merging
from reftrail.rules.attribution.purchases import MOST_ON_ROUTE
from reftrail.rules.attribution.state import AttributionState, ended_of, kind_of, user_key
from reftrail.rules.attribution.waiting import EndedReferral
from reftrail.rules.cells import Cells
from reftrail.rules.reward.transitions import effect
from reftrail.testing import (
    MemoryHost,
    Scenario,
    campaign,
    code,
    converted,
    given,
    purchase,
    signup,
    users_merged,
)

ACCOUNT, OTHER = "account", "other"
OWN = f"attribution/{user_key(ACCOUNT)}"


def joined(story: Scenario, guests: range) -> Scenario:
    """Guests who have signed up by the code are merged into the account one after the other."""
    for nth in guests:
        guest = f"guest {nth}"
        signs_up: dict[str, Any] = {"user_id": guest, "conversion_event_id": f"signup {nth}"}
        story.given(converted("signup", "11:00", typed_code="AMY", **signs_up))
        merged = {"merged_into": ACCOUNT, "conversion_event_id": f"merge {nth}"}
        passed_on(story.when(converted("users_merged", "12:00", user_id=guest, **merged)))
    return story


def passed_on(story: Scenario) -> None:
    """What was forwarded comes to the accounts."""
    while forwarded := [record for record in story.followed if isinstance(record, Forwarded)]:
        story.when(*forwarded)


def begun() -> Scenario:
    """An account that signed up before all guests."""
    story = given(campaign(), code("AMY"))
    return story.given(converted("signup", "10:00", typed_code="AMY", user_id=ACCOUNT))


def ended(story: Scenario, user: str = ACCOUNT) -> list[tuple[str, str]]:
    """The ended referrals that are known of a user."""
    begin = "attribution/"
    cells = Cells(
        lambda key: story.states.get(f"{begin}{key}", kind_of(key)()),
        lambda group: [
            key.removeprefix(begin) for key in story.states if key.startswith(f"{begin}{group}:")
        ],
    )
    return sorted(ended_of(cells, user_key(user)))


def size_of(state: Any) -> int:
    return len(msgspec.msgpack.encode(state))


def test_no_cell_grows_with_the_referrals_that_merging_has_ended() -> None:
    story = joined(begun(), range(2))
    after_two = size_of(story.states[OWN])
    joined(story, range(2, 40))
    assert size_of(story.states[OWN]) == after_two
    assert ended(story) == sorted((f"guest {nth}", "AMY") for nth in range(40))
    cells = [cell for key, cell in story.states.items() if isinstance(cell, EndedReferral)]
    assert len(cells) == 40
    assert max(map(size_of, cells)) < 4


def test_they_move_with_the_account_in_messages_of_a_bounded_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(merging, "MOST_ENDED", 4)
    story = joined(begun(), range(10))
    story.given(converted("signup", "09:00", typed_code="AMY", user_id=OTHER))
    again = {"merged_into": OTHER, "conversion_event_id": "merge account"}
    story.when(converted("users_merged", "13:00", user_id=ACCOUNT, **again))
    histories = [record for record in story.followed if isinstance(record, Forwarded)]
    assert len({record.event_id for record in histories}) == len(histories) == 3
    assert max(len(record.history or b"") for record in histories) < 400
    passed_on(story)
    assert ended(story, OTHER) == sorted(
        [(ACCOUNT, "AMY"), *((f"guest {nth}", "AMY") for nth in range(10))]
    )
    left = (cell for key, cell in story.states.items() if key.startswith(f"{OWN}%e:"))
    assert all(cell == EndedReferral() for cell in left)


def test_those_of_an_older_state_are_known_and_get_cells_with_the_next_merge() -> None:
    story = joined(begun(), range(3))
    older = msgspec.structs.replace(story.states[OWN], voided=tuple(ended(story)))
    story.states = {
        key: state for key, state in story.states.items() if not isinstance(state, EndedReferral)
    }
    story.states[OWN] = older
    known = ended(story)
    assert len(known) == 3
    buys = {"user_id": "guest 1", "order_id": "o1", "amount_micros": 1, "currency": "USD"}
    story.when(converted("purchase", "13:00", **buys))
    passed_on(story)
    (through,) = (record for record in story.followed if isinstance(record, ReferralVoided))
    assert (through.user_id, through.code) == ("guest 1", "AMY")
    joined(story, range(3, 4))
    state = story.states[OWN]
    assert isinstance(state, AttributionState)
    assert (state.voided, ended(story)) == ((), [*known, ("guest 3", "AMY")])


def test_of_many_merged_users_one_earns_and_their_orders_earn_once() -> None:
    """The same orders are reported by all of them, before and after they were merged."""
    host = MemoryHost(wire=False)
    policy = policy_text(Policy(repeats=0))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", owner="amy"))
    names = [f"u{nth}" for nth in range(6)]
    events: list[Record] = [
        signup(f"1{nth}:00", typed="AMY", user_id=name, visitor_id=name)
        for nth, name in enumerate(names)
    ]
    events += [purchase("o1", at="17:00", user_id=name, event_id=name) for name in names]
    events += [users_merged(name, names[0], at="18:00") for name in names[1:]]
    events += [purchase(f"o {name}", at="19:00", user_id=name) for name in names]
    for event in events:
        host.publish(EVENTS, event)
        host.run()
    sums: dict[str, int] = {}
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        if entry.role == "referrer":
            sums[entry.order_id or ""] = sums.get(entry.order_id or "", 0) + effect(entry)
    assert sums == {"o1": 10_000_000, **{f"o {name}": 10_000_000 for name in names}}


def test_orders_of_very_many_merged_users_go_through_a_bounded_number_of_referrals() -> None:
    host = MemoryHost(wire=False)
    policy = policy_text(Policy(repeats=0))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", owner="amy"))
    host.publish(EVENTS, signup("10:00", typed="AMY", user_id=ACCOUNT, visitor_id=None))
    many = MOST_ON_ROUTE + 10
    for nth in range(many):
        guest = f"guest {nth}"
        signs_up = {"user_id": guest, "visitor_id": None, "event_id": f"signup {nth}"}
        host.publish(EVENTS, signup("11:00", typed="AMY", **signs_up))
        host.publish(EVENTS, purchase(f"o{nth}", "12:00", user_id=guest, event_id=f"buys {nth}"))
        host.run()
        host.publish(EVENTS, users_merged(guest, ACCOUNT, "13:00"))
        host.run()
    voided = [record for record in host.log(REWARD_INPUTS) if isinstance(record, ReferralVoided)]
    assert max(len(record.route) for record in voided) == MOST_ON_ROUTE - 1
    ledger = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    sums = Counter[str]()
    for entry in ledger:
        if entry.role == "referrer":
            sums[entry.user_id] += effect(entry)
    assert +sums == {ACCOUNT: many * 10_000_000}
