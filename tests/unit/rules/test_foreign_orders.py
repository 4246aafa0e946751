"""Refunds and disputes of orders that another user has."""

from typing import Any

import msgspec
import pytest
from support.attributing import bought, paid_back, signed_up, signed_up_by_touch

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.record import DAY
from reftrail.contracts.stage_messages import LimitRequested, OrderAsked
from reftrail.engine.reference import ReferenceTables
from reftrail.rules.attribution import foreign_orders
from reftrail.rules.decider import Cause, Refused, TimerFired
from reftrail.rules.limit_names import order_key
from reftrail.rules.limits import LimitsDecider, LimitState, wakes_at
from reftrail.rules.order_questions import (
    MOST_REMEMBERED,
    TOLERANCE,
    QuestionRemembered,
)
from reftrail.rules.packing import packed, unpacked
from reftrail.testing import (
    Outline,
    campaign,
    claimed,
    code,
    converted,
    given,
    moment,
    order_asked,
    tick,
)
from reftrail.testing.outlines import derived

CAUSE = Cause("limits", 0, 0)
REMEMBERED = 360 * DAY  # twelve times the usual wait for a signup
BUYS = campaign(trigger="first_purchase")


def claim_in(record: object) -> Claimed:
    assert isinstance(record, OrderAsked)
    return unpacked(record.claim, Claimed)


# The attribution stage


def test_a_refund_of_a_user_whom_nobody_referred_is_asked_about_when_it_comes() -> None:
    story = given(signed_up()).when(paid_back("o1", "11:00", amount_micros=5, refund_id="r1"))
    story.then(order_asked("o1"))
    claim = claim_in(story.followed[0])
    assert (claim.action, claim.order_id, claim.user_id) == (Action.REFUND, "o1", "u1")
    assert (claim.amount_micros, claim.refund_id, claim.code) == (5, "r1", "")


def test_a_dispute_is_asked_about_too_and_a_purchase_is_not() -> None:
    opened: dict[str, Any] = {"order_id": "o1", "dispute_id": "d1"}
    story = given(signed_up())
    story.when(converted("dispute_opened", "11:00", **opened)).then(order_asked("o1"))
    story.when(bought("o1", "11:30")).then_nothing()


def test_it_is_asked_about_again_when_it_has_waited() -> None:
    story = given(signed_up(), paid_back("o1", "0d 11:00"))
    story.when(tick("30d 11:01")).then(order_asked("o1"))


def test_the_refund_of_a_referred_user_is_asked_about_by_the_reward_stage() -> None:
    story = given(BUYS, signed_up_by_touch())
    story.when(paid_back("o1", "11:00")).then(claimed(Action.REFUND, "AMY", "11:00", order_id="o1"))


# The reward stage


def refund(order: str = "o1") -> Outline:
    return claimed(Action.REFUND, "AMY", "12:00", order_id=order)


def test_a_refund_of_an_order_that_is_not_known_is_asked_about() -> None:
    story = given(BUYS, code("AMY")).when(refund())
    story.then(order_asked("o1"))
    assert claim_in(story.followed[0]).code == "AMY"


def test_a_refund_of_a_known_order_is_not() -> None:
    order: dict[str, Any] = {"order_id": "o1", "amount_micros": 5_000_000, "currency": "USD"}
    story = given(BUYS, code("AMY"), claimed(Action.PURCHASE, "AMY", "11:00", **order))
    story.when(refund())
    assert not any(isinstance(record, OrderAsked) for record in story.followed)


# The limits stage


def holding(
    code_of_it: str = "AMY", user: str = "buyer", before: LimitState | None = None
) -> LimitState:
    return after(before or LimitState(), reserving(code_of_it, user))


def reserving(code_of_it: str, user: str, **overrides: Any) -> LimitRequested:
    requested = derived(
        LimitRequested,
        None,
        {"limits": [f"{order_key('o1')}|1|1"], "passed": [], "code": code_of_it, "user_id": user},
        {"claim_id": "claim"} | overrides,
    ).record()
    assert isinstance(requested, LimitRequested)
    return requested


def question(user: str, claim: Outline | None = None) -> OrderAsked:
    record = (
        order_asked("o1", user_id=user).but(claim=packed((claim or refund()).record())).record()
    )
    assert isinstance(record, OrderAsked)
    return record


def answers(state: LimitState, user: str) -> list[object]:
    """What goes to topics; the question is remembered besides."""
    events = LimitsDecider(REMEMBERED).decide(state, question(user), CAUSE, ReferenceTables())
    return [event for event in events if not isinstance(event, QuestionRemembered)]


def after(state: LimitState, record: OrderAsked | LimitRequested | TimerFired) -> LimitState:
    decider = LimitsDecider(REMEMBERED)
    for event in decider.decide(state, record, CAUSE, ReferenceTables()):
        state = decider.evolve(state, event)
    return state


def test_a_refund_goes_to_the_referral_that_has_the_order() -> None:
    (claim,) = answers(holding(), "u1")
    assert isinstance(claim, Claimed)
    assert (claim.code, claim.user_id, claim.action) == ("AMY", "buyer", Action.REFUND)
    assert claim.order_id == "o1"
    assert claim.action_event_id == "refund o1 12:00"


def test_nothing_of_the_referral_that_asked_goes_with_it() -> None:
    asking: dict[str, Any] = {"arm": "b", "first_purchase_at": 1, "utm_source": "mail"}
    evidence: dict[str, Any] = {"code_evidence": CodeEvidence.FORGED, "touch_ip_hash": "ip"}
    claim = refund().but(channel="poster", amount_micros=7, **asking, **evidence).record()
    asked = order_asked("o1", user_id="u1").but(claim=packed(claim)).record()
    assert isinstance(asked, OrderAsked)
    sent, _ = LimitsDecider(REMEMBERED).decide(holding(), asked, CAUSE, ReferenceTables())
    assert isinstance(sent, Claimed)
    assert (sent.order_id, sent.amount_micros) == ("o1", 7)
    assert (sent.touch_event_id, sent.root_reference, sent.campaign_id) == (None, None, None)
    assert (sent.basis, sent.touch_time, sent.signed_up_at) == ("", 0, 0)
    assert (sent.channel, sent.arm, sent.first_purchase_at, sent.utm_source) == (None,) * 4
    assert (sent.code_evidence, sent.touch_ip_hash) == (None, None)


def test_it_goes_to_each_of_the_holder_s_referrals_that_have_the_order() -> None:
    state = holding("AMY", before=holding("EVE", before=holding("AMY")))
    claims = answers(state, "u1")
    assert [claim.code for claim in claims if isinstance(claim, Claimed)] == ["AMY", "EVE"]
    assert len({claim.event_id for claim in claims if isinstance(claim, Claimed)}) == 2


@pytest.mark.parametrize(("state", "user"), [(LimitState(), "u1"), (holding(), "buyer")])
def test_nothing_follows_where_nobody_has_it_or_its_own_user_asks(
    state: LimitState, user: str
) -> None:
    assert answers(state, user) == []


def test_of_an_order_from_before_rules_9_it_becomes_a_dead_letter() -> None:
    older = msgspec.structs.replace(holding(), codes=(), user_id="")
    (refused,) = answers(older, "u1")
    assert isinstance(refused, Refused)
    assert refused.reason == "refund_of_another"
    assert "order o1" in refused.detail


def test_an_order_that_is_free_again_is_nobody_s() -> None:
    assert after(holding(), reserving("AMY", "buyer", releasing=True)) == LimitState()


def test_limits_that_are_no_orders_keep_nobody() -> None:
    requested = derived(
        LimitRequested,
        None,
        {"limits": ["cap_budget:c:EUR|5|10"], "passed": [], "code": "AMY", "user_id": "u1"},
        {"claim_id": "claim"},
    ).record()
    assert isinstance(requested, LimitRequested)
    state = LimitState()
    for event in LimitsDecider(REMEMBERED).decide(state, requested, CAUSE, ReferenceTables()):
        state = LimitsDecider(REMEMBERED).evolve(state, event)
    assert (state.taken, state.codes, state.user_id) == (5, (), "")


def claimed_by(state: LimitState, user: str = "buyer", **overrides: Any) -> list[Claimed]:
    """The claims that follow when a user reserves the order."""
    request = reserving("AMY", user, **overrides)
    events = LimitsDecider(REMEMBERED).decide(state, request, CAUSE, ReferenceTables())
    return [event for event in events if isinstance(event, Claimed)]


def test_a_refund_that_comes_first_waits_for_who_reserves_the_order() -> None:
    state = after(LimitState(), question("u1"))
    (claim,) = claimed_by(state)
    assert (claim.code, claim.user_id, claim.action) == ("AMY", "buyer", Action.REFUND)
    assert claim.action_event_id == "refund o1 12:00"
    assert claimed_by(state, "u1") == []


def test_it_waits_for_each_who_reserves_it_and_beyond_a_release() -> None:
    state = holding(before=after(LimitState(), question("u1")))
    assert [claim.code for claim in claimed_by(state)] == ["AMY"]
    released = after(state, reserving("AMY", "buyer", releasing=True))
    assert (released.taken, released.holder) == (0, 0)
    assert len(claimed_by(released, "another")) == 1


def test_the_same_refund_waits_once_whoever_asks() -> None:
    state = after(after(LimitState(), question("u1")), question("u2"))
    assert len(state.questions) == 1


def test_a_refund_from_before_the_order_is_about_another_one() -> None:
    state = after(LimitState(), question("u1"))
    at = moment("12:00") + TOLERANCE
    assert len(claimed_by(state, event_time=at)) == 1
    assert claimed_by(state, event_time=at + 1) == []


def test_what_is_too_much_to_remember_becomes_a_dead_letter() -> None:
    state = LimitState()
    for nth in range(MOST_REMEMBERED):
        state = after(state, question("u1", refund().but(action_event_id=f"r{nth}")))
    last = question("u1")
    (refused,) = LimitsDecider(REMEMBERED).decide(state, last, CAUSE, ReferenceTables())
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.payload) == ("too_many_refunds", None)


def test_it_is_forgotten_in_time() -> None:
    state = after(LimitState(), question("u1"))
    due_at = wakes_at(state)
    assert due_at == moment("12:00") + REMEMBERED
    fired = {"event_time": due_at, "received_at": due_at, "action": order_key("o1")}
    timer = derived(TimerFired, None, fired, {}).record()
    assert isinstance(timer, TimerFired)
    assert after(state, timer) == LimitState()
    assert after(holding(before=state), timer) == holding()


def forgetting(state: LimitState) -> TimerFired:
    due_at = wakes_at(state)
    fired = {"event_time": due_at, "received_at": due_at, "action": order_key("o1")}
    timer = derived(TimerFired, None, fired, {}).record()
    assert isinstance(timer, TimerFired)
    return timer


def letters(state: LimitState, record: OrderAsked | LimitRequested | TimerFired) -> list[Refused]:
    events = LimitsDecider(REMEMBERED).decide(state, record, CAUSE, ReferenceTables())
    return [event for event in events if isinstance(event, Refused)]


def test_what_is_forgotten_without_an_answer_becomes_a_dead_letter_that_can_be_put_back() -> None:
    state = after(LimitState(), question("u1", refund().but(amount_micros=5, currency="EUR")))
    (letter,) = letters(state, forgetting(state))
    assert letter.reason == "refund_unclaimed"
    asked = letter.payload
    assert isinstance(asked, OrderAsked)
    assert (asked.limit, asked.user_id) == (order_key("o1"), "")
    (claim,) = LimitsDecider(REMEMBERED)._asked(holding(), asked, CAUSE)[:1]
    assert isinstance(claim, Claimed)
    assert (claim.user_id, claim.amount_micros, claim.currency) == ("buyer", 5, "EUR")
    assert claim.action_event_id == "refund o1 12:00"


@pytest.mark.parametrize("first", ["order", "refund"])
def test_what_went_to_a_referral_is_forgotten_without_a_letter(first: str) -> None:
    known = LimitState() if first == "refund" else holding()
    state = after(known, question("u1"))
    if first == "refund":
        state = holding(before=state)
    assert letters(state, forgetting(state)) == []


def paid(amount: int | None, currency: str = "EUR") -> dict[str, Any]:
    return {"order_amount_micros": amount, "order_currency": currency}


def asking(user: str, claim: Outline | None = None, **own: Any) -> OrderAsked:
    return msgspec.structs.replace(question(user, claim), **own)


def held(**cost: Any) -> LimitState:
    return after(LimitState(), reserving("AMY", "buyer", **cost))


@pytest.mark.parametrize(
    ("order", "own", "is_clash"),
    [
        (paid(30), paid(30), False),
        (paid(30), paid(47), True),
        (paid(30), paid(30, "USD"), True),
        (paid(30), {}, False),
        ({}, paid(47), False),  # of state from before schema 083
    ],
)
@pytest.mark.parametrize("first", ["order", "refund"])
def test_a_refund_of_somebody_with_another_order_of_this_id_is_not_about_it(
    order: dict[str, Any], own: dict[str, Any], is_clash: bool, first: str
) -> None:
    asked, reserved = asking("u1", **own), reserving("AMY", "buyer", **order)
    before, last = (reserved, asked) if first == "order" else (asked, reserved)
    state = after(LimitState(), before)
    followed = LimitsDecider(REMEMBERED).decide(state, last, CAUSE, ReferenceTables())
    claims = [event for event in followed if isinstance(event, Claimed)]
    found = [event.reason for event in followed if isinstance(event, Refused)]
    assert (len(claims), found) == ((0, ["order_ids_clash"]) if is_clash else (1, []))


def test_it_has_one_letter_and_none_when_it_is_forgotten() -> None:
    state = after(held(**paid(30)), asking("u1", **paid(47)))
    again = asking("u1")  # its purchase waits no longer
    assert letters(state, again) == []
    assert answers(state, "u1") == []
    assert letters(after(state, again), forgetting(state)) == []


def test_what_the_asker_bought_is_known_of_the_first_time_that_was_asked() -> None:
    state = after(after(LimitState(), asking("u1", **paid(47))), asking("u1"))
    assert [known.own.micros for known in state.questions] == [47]
    changed = asking("u1", **paid(30))  # its first report waits no longer
    assert [known.own.micros for known in after(state, changed).questions] == [47]
    assert letters(after(held(**paid(47)), asking("u1", **paid(47))), changed) == []


@pytest.mark.parametrize("first", ["order", "refund"])
def test_what_was_taken_before_the_asker_s_order_was_known_has_a_letter(first: str) -> None:
    asked, reserved = asking("u1"), reserving("AMY", "buyer", **paid(30_000_000))
    before = (reserved, asked) if first == "order" else (asked, reserved)
    state = after(after(LimitState(), before[0]), before[1])
    assert letters(state, asking("u1", **paid(30_000_000))) == []
    again = asking("u1", **paid(47_000_000))  # its purchase came after it
    (letter,) = letters(state, again)
    assert letter.reason == "order_ids_clash"
    assert "is about 47.00 EUR" in letter.detail
    assert "for 30.00 EUR, to which it went before that was known" in letter.detail
    known = after(state, again)
    assert letters(known, again) == []
    assert letters(known, forgetting(known)) == []


def test_of_what_names_its_buyer_nothing_is_unclaimed_when_it_is_forgotten() -> None:
    state = after(LimitState(), asking("u1", **paid(30)))
    assert letters(state, forgetting(state)) == []
    assert after(state, forgetting(state)) == LimitState()


@pytest.mark.parametrize(("amount", "is_clash"), [(30, False), (31, True)])
def test_more_than_the_order_is_not_of_it(amount: int, is_clash: bool) -> None:
    for field in ("amount_micros", "amount_refunded_micros"):
        claim = refund().but(**{field: amount, "currency": "EUR"})
        assert bool(letters(held(**paid(30)), question("billing", claim))) is is_clash


@pytest.mark.parametrize(("amount", "is_clash"), [(30_000_000, False), (47_000_000, True)])
def test_an_amount_without_a_currency_is_in_that_of_the_order(amount: int, is_clash: bool) -> None:
    claim = refund().but(amount_micros=amount)
    found = letters(held(**paid(30_000_000)), question("billing", claim))
    details = [letter.detail for letter in found]
    assert ["about 47.00 EUR, and" in detail for detail in details] == [True] * is_clash


def test_the_order_of_a_user_who_waits_goes_with_the_question() -> None:
    bought_before = bought("o1", "10:30")
    story = given(bought_before, bought("o2", "10:31"))
    story.when(paid_back("o1", "11:00"))
    (asked,) = (record for record in story.followed if isinstance(record, OrderAsked))
    assert (asked.order_amount_micros, asked.order_currency) == (5, "USD")


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_of_an_order_that_was_changed_the_first_report_goes_with_it(names: str) -> None:
    first = bought("o1", "10:30").but(conversion_event_id=names[0], amount_micros=30)
    changed = bought("o1", "10:45").but(conversion_event_id=names[1], amount_micros=25)
    for reports in ((first, changed), (changed, first)):
        story = given(*reports).when(paid_back("o1", "11:00"))
        (asked,) = (record for record in story.followed if isinstance(record, OrderAsked))
        assert asked.order_amount_micros == 30


def test_of_a_user_for_whom_very_many_wait_it_is_not_looked_for() -> None:
    guests = [bought(f"o{nth}", f"0d {10 + nth // 60}:{nth % 60:02}") for nth in range(3)]
    for most, known in ((3, 5), (2, None)):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(foreign_orders, "MOST_LOOKED_THROUGH", most)
            story = given(*guests).when(paid_back("o1", "11:00"))
        (asked,) = (record for record in story.followed if isinstance(record, OrderAsked))
        assert asked.order_amount_micros == known
