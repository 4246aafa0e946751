"""Referrals that merging has ended, each in a cell of its own: no cell grows with their number."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from reftrail.contracts.codec import decode
from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import DeadLettered, RewardDecided
from reftrail.contracts.policy import Fraud, Policy, policy_text
from reftrail.contracts.record import MICROS_PER_UNIT, Record
from reftrail.contracts.stage_messages import Forwarded, ReferralVoided
from reftrail.contracts.topics import (
    ATTRIBUTION_INPUTS,
    CAMPAIGNS,
    CODES,
    DEAD_LETTERS,
    EVENTS,
    REVIEWS,
    REWARDS,
)
from reftrail.engine.topology import topology_with
from reftrail.rules.attribution import merging
from reftrail.rules.attribution.bounds import DEFAULT, Bounds
from reftrail.rules.attribution.decider import AttributionDecider
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
    refund,
    reviewed,
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


def crowd(many: int, bounds: Bounds = DEFAULT) -> MemoryHost:
    """An account into which so many users were merged, each of whom had signed up and bought.

    The first of them has signed up before all others, the account included.
    """
    host = MemoryHost(topology_with(bounds=bounds), wire=False)
    policy = policy_text(Policy(repeats=0, fraud=Fraud(grant_up_to=999, reject_from=1_000)))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", owner="amy"))
    names = ["a0", *(f"guest {nth:02}" for nth in range(1, many))]
    for nth, name in enumerate(names):
        at = f"10:{nth // 60:02}:{nth % 60:02}"
        signs_up = {"user_id": name, "visitor_id": None, "event_id": f"signup {nth}"}
        host.publish(EVENTS, signup(at, typed="AMY", **signs_up))
        host.publish(EVENTS, purchase(f"o{nth}", "12:00", user_id=name, event_id=f"buys {nth}"))
        host.run()
    for name in reversed(names):
        host.publish(EVENTS, users_merged(name, ACCOUNT, "13:00"))
        host.run()
    return host


def merged_further(host: MemoryHost) -> MemoryHost:
    """The account is merged into another one, which signed up before everybody else."""
    signs_up = {"user_id": OTHER, "visitor_id": None, "event_id": "signup of the other"}
    host.publish(EVENTS, signup("09:00", typed="AMY", **signs_up))
    host.publish(EVENTS, users_merged(ACCOUNT, OTHER, "15:00"))
    return host.run()


def earned(host: MemoryHost) -> dict[str, int]:
    """The sums of the code's owner in units, by user and order."""
    sums = Counter[str]()
    for entry in host.log(REWARDS):
        assert isinstance(entry, RewardDecided)
        if entry.role == "referrer":
            sums[f"{entry.user_id} {entry.order_id}"] += effect(entry) // MICROS_PER_UNIT
    return dict(+sums)


def letters(host: MemoryHost) -> list[DeadLettered]:
    return [letter for letter in host.log(DEAD_LETTERS) if isinstance(letter, DeadLettered)]


@pytest.mark.parametrize("many", [3, 14])
def test_what_a_review_took_back_stays_taken_back_behind_many_referrals(many: int) -> None:
    """Not only behind the newest ten."""
    host = crowd(many)
    assert earned(host) == {f"a0 o{nth}": 10 for nth in range(many)}
    host.publish(REVIEWS, reviewed("reverse", "14:00", code="AMY", user_id="a0", reason="fraud"))
    assert earned(host.run()) == {}
    assert earned(merged_further(host)) == {}
    assert letters(host) == []


def test_an_order_beyond_the_steps_is_refused_once_however_many_merges_follow() -> None:
    """Most such orders earn already: they aren't refused with each merge anew."""
    topology = topology_with(bounds=Bounds(most_steps=3))
    (attribution,) = (stage.decider for stage in topology if stage.name == "attribution")
    assert isinstance(attribution, AttributionDecider)
    host = MemoryHost(topology, wire=False)
    policy = policy_text(Policy(repeats=0, fraud=Fraud(grant_up_to=999, reject_from=1_000)))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", owner="amy"))
    names = [ACCOUNT, *(f"guest {nth}" for nth in range(3))]
    for nth, name in enumerate(names):
        signs_up = {"user_id": name, "visitor_id": None, "event_id": f"signup {nth}"}
        host.publish(EVENTS, signup(f"10:0{nth}", typed="AMY", **signs_up))
    for nth in range(6):
        ordered = purchase(f"o{nth}", f"12:0{nth}", user_id=ACCOUNT, event_id=f"buys {nth}")
        host.publish(EVENTS, ordered)
    host.run()
    for name in names[1:]:
        host.publish(EVENTS, users_merged(name, ACCOUNT, "13:00", event_id=f"merge {name}"))
        host.run()
    assert earned(host) == {f"{ACCOUNT} o{nth}": 10 for nth in range(6)}
    about = [decode(letter.payload or b"") for letter in letters(host)]
    orders = [bought.order_id for bought in about if isinstance(bought, Converted)]
    assert orders == ["o3", "o4", "o5", "o1", "o2"]
    first = letters(host)[0]
    attribution.bounds = Bounds(most_steps=2)
    put_back(host, first)
    assert len(letters(host)) == len(about) + 1
    attribution.bounds = Bounds(most_steps=3)
    put_back(host, first)
    attribution.bounds = Bounds(most_steps=2)
    before = len(letters(host))
    host.publish(EVENTS, signup("10:09", typed="AMY", user_id="last", visitor_id=None))
    host.publish(EVENTS, users_merged("last", ACCOUNT, "14:00", event_id="merge last"))
    again = [decode(letter.payload or b"") for letter in letters(host.run())[before:]]
    orders = [bought.order_id for bought in again if isinstance(bought, Converted)]
    assert orders == ["o0", "o3"]


def put_back(host: MemoryHost, *put: DeadLettered) -> MemoryHost:
    """The messages of dead letters come once more."""
    for letter in put:
        assert letter.payload is not None
        host.publish(ATTRIBUTION_INPUTS, decode(letter.payload))
    return host.run()


def test_orders_beyond_the_steps_of_a_decision_earn_when_they_are_put_back() -> None:
    host = MemoryHost(topology_with(bounds=Bounds(most_steps=9)), wire=False)
    policy = policy_text(Policy(repeats=0, fraud=Fraud(grant_up_to=999, reject_from=1_000)))
    host.publish(CAMPAIGNS, campaign(trigger="first_purchase", policy=policy))
    host.publish(CODES, code("AMY", owner="amy"))
    for user, at in ((ACCOUNT, "10:00"), (OTHER, "11:00")):
        signs_up = {"user_id": user, "visitor_id": None, "event_id": f"signup {user}"}
        host.publish(EVENTS, signup(at, typed="AMY", **signs_up))
    for nth in range(12):
        ordered = purchase(f"o{nth}", f"12:{nth:02}", user_id=OTHER, event_id=f"buys {nth}")
        host.publish(EVENTS, ordered)
    host.run()
    entries = [entry for entry in host.log(REWARDS) if isinstance(entry, RewardDecided)]
    of_last = next(
        entry for entry in entries if (entry.role, entry.order_id) == ("referrer", "o11")
    )
    about = {"user_id": OTHER, "reward_id": of_last.reward_id, "reason": "fraud"}
    host.publish(REVIEWS, reviewed("reverse", "14:00", **about))
    host.publish(EVENTS, refund("o1", "14:30", user_id=OTHER))
    host.publish(EVENTS, refund("o10", "14:30", user_id=OTHER))
    host.run()
    host.publish(EVENTS, users_merged(ACCOUNT, OTHER, "15:00"))
    host.run()
    assert earned(host) == {f"{ACCOUNT} o{nth}": 10 for nth in range(9) if nth != 1}
    refused = letters(host)
    assert [letter.reason for letter in refused] == ["too_many_referrals"] * 3
    about_orders = [
        bought.order_id
        for letter in refused
        if isinstance(bought := decode(letter.payload or b""), Converted)
    ]
    assert about_orders == ["o9", "o10", "o11"]
    put_back(host, *refused)
    assert earned(host) == {f"{ACCOUNT} o{nth}": 10 for nth in range(10) if nth != 1}
    assert letters(host) == refused


def test_nobody_earns_where_merging_has_ended_more_referrals_than_can_be_asked() -> None:
    host = crowd(4, Bounds(most_ended=3))
    before = letters(host)
    assert earned(host) == {f"a0 o{nth}": 10 for nth in range(4)}
    merged_further(host)
    refused = letters(host)[len(before) :]
    assert {letter.reason for letter in refused} == {"too_many_referrals"}
    assert earned(host) == {}
    put_back(host, *refused)
    assert earned(host) == {}
