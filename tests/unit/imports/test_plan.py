"""Plans of imports, against the ledger that the rules keep."""

import msgspec
import pytest
from support.import_ledger import AT, HELD, Ledger, commission, figures, posted

from reftrail.adjustments import adjustments
from reftrail.contracts.adjustments import Adjusted
from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.topics import ADJUSTMENTS, CAMPAIGNS, CODES, DEAD_LETTERS, FULFILMENTS
from reftrail.engine.memory import MemoryHost
from reftrail.imports import History, Programme, Rule
from reftrail.testing import campaign, reported


def test_what_is_open_is_taken_over_once() -> None:
    ledger = Ledger()
    open_ = [commission(1, 1050), commission(2, 1), commission(3, 0, state="paid")]
    plan = ledger.plan(*open_)
    assert posted(plan) == [
        ("dub:cm_1", "AMY", 10_500_000, "USD"),
        ("dub:cm_2", "AMY", 10_000, "USD"),
    ]
    (before,) = plan.balances
    assert (figures(before), before.matches) == ((10_510_000, 0, 10_510_000, 0), False)
    ledger.take(plan)
    again = ledger.plan(*open_)
    (after,) = again.balances
    assert (again.postings, after.matches) == ([], True)
    assert figures(after) == (10_510_000, 10_510_000, 0, 0)


def test_what_was_paid_elsewhere_since_is_taken_back() -> None:
    ledger = Ledger()
    ledger.take(ledger.plan(commission(1, 1000)))
    for cents, state in ((0, "paid"), (400, "pending")):
        plan = ledger.plan(commission(1, cents, state=state))
        (posting,) = plan.postings
        assert posting.why == f"commission cm_1 of dub is {state}"
        ledger.take(plan)
        (balance,) = ledger.plan(commission(1, cents, state=state)).balances
        assert (figures(balance), balance.matches) == ((cents * 10_000,) * 2 + (0, 0), True)


def test_while_a_second_person_has_not_decided_nothing_is_posted() -> None:
    ledger = Ledger(policy=HELD)
    ledger.take(ledger.plan(commission(1, 1000)))
    (balance,) = ledger.plan(commission(1, 1000)).balances
    assert (figures(balance), balance.matches) == ((10_000_000, 0, 0, 10_000_000), False)
    plan = ledger.plan(commission(1, 800))
    assert plan.postings == []
    assert plan.notes == [
        (
            "commission cm_1: dub:cm_1 waits for a second person (reftrail rewards pending); "
            "nothing more is posted for it"
        )
    ]


def test_what_was_declined_does_not_count_and_is_not_asked_again() -> None:
    ledger = Ledger(policy=HELD)
    ledger.take(ledger.plan(commission(1, 1000)))
    ledger.decide("decline")
    same = ledger.plan(commission(1, 1000))
    (balance,) = same.balances
    assert (same.postings, figures(balance)) == ([], (10_000_000, 0, 0, 0))
    assert not balance.matches
    assert "was declined (dub:cm_1); it is posted again only with --ask-again" in same.notes[0]
    again = ledger.plan(commission(1, 1000), asks_again=True)
    assert posted(again) == [("dub:cm_1:1", "AMY", 10_000_000, "USD")]
    changed = ledger.plan(commission(1, 800))
    assert posted(changed) == [("dub:cm_1:1", "AMY", 8_000_000, "USD")]
    assert ledger.plan(commission(1, 0, state="paid")).postings == []


def test_the_history_of_a_commission_is_in_the_order_of_time() -> None:
    fields = Ledger().plan(commission(1, 1000)).postings[0].fields("credit")
    first, _ = adjustments([fields], AT, "ann")
    later, _ = adjustments([fields | {"adjustment_id": "dub:cm_1:1"}], AT + 1, "ann")
    history = History(Programme.DUB, [*later, *first], [], [])
    assert [written.adjusted for written in history.of("cm_1")] == [*first, *later]
    assert [history.free_id("cm_1") for _ in range(2)] == ["dub:cm_1:2", "dub:cm_1:3"]


def test_what_the_rules_refused_does_not_count() -> None:
    ledger = Ledger()
    plan = ledger.plan(commission(1, 1000))
    ledger.host = MemoryHost()
    ledger.host.publish(CAMPAIGNS, campaign())
    ledger.take(plan)
    ledger.host.run()
    (letter,) = ledger.host.log(DEAD_LETTERS)
    assert isinstance(letter, DeadLettered)
    (adjusted,) = ledger.host.log(ADJUSTMENTS)
    assert isinstance(adjusted, Adjusted)
    for stage, left in (("warehouse", 1), ("reward", 0)):
        of_stage = msgspec.structs.replace(letter, stage=stage)
        assert len(History(Programme.DUB, [adjusted], [], [of_stage]).of("cm_1")) == left
    ledger.host.publish(CODES, *ledger.codes)
    plan = ledger.plan(commission(1, 800))
    assert posted(plan) == [("dub:cm_1:1", "AMY", 8_000_000, "USD")]
    ledger.take(plan)
    ledger.plan()
    assert ledger.booked() == {("cm_1", "amy", "USD"): 8_000_000}


def test_a_credit_whose_delivery_failed_is_told_and_nothing_is_posted_beside_it() -> None:
    ledger = Ledger()
    ledger.take(ledger.plan(commission(1, 1000)))
    ledger.host.run()
    (entry,) = ledger.entries()
    whose = {"code": "AMY", "user_id": entry.user_id}
    its = {"action": entry.action, "its_action": entry.action}
    ledger.host.publish(
        FULFILMENTS, reported("referrer", "03:00", outcome="failed", **whose, **its)
    )
    plan = ledger.plan(commission(1, 800))
    assert ledger.entries()[-1].status == "failed"
    assert plan.postings == []
    assert "the delivery of dub:cm_1 failed" in plan.notes[0]


def test_another_currency_takes_the_old_one_back_whole() -> None:
    ledger = Ledger()
    yen = commission(1, 0, currency="JPY", open_micros=1_000_000_000)
    ledger.take(ledger.plan(yen))
    plan = ledger.plan(commission(1, 1000))
    assert posted(plan) == [
        ("dub:cm_1:1", "AMY", -1_000_000_000, "JPY"),
        ("dub:cm_1:2", "AMY", 10_000_000, "USD"),
    ]
    assert {balance.place.currency: figures(balance) for balance in plan.balances} == {
        "JPY": (0, 1_000_000_000, -1_000_000_000, 0),
        "USD": (10_000_000, 0, 10_000_000, 0),
    }
    assert not any(balance.matches for balance in plan.balances)
    ledger.take(plan)
    after = ledger.plan(commission(1, 1000))
    assert (after.postings, [balance.matches for balance in after.balances]) == ([], [True, True])
    assert ledger.booked() == {("cm_1", "amy", "USD"): 10_000_000}


def test_a_mended_list_of_codes_takes_the_credit_from_the_wrong_owner() -> None:
    ledger = Ledger()
    ledger.take(ledger.plan(commission(1, 1000)))
    ledger.listed = {"pn_1": "BOB"}
    plan = ledger.plan(commission(1, 900))
    assert posted(plan) == [
        ("dub:cm_1:1", "AMY", -10_000_000, "USD"),
        ("dub:cm_1:2", "BOB", 9_000_000, "USD"),
    ]
    assert plan.postings[0].why == "commission cm_1 of dub is pending, and owed under BOB in USD"
    assert [balance.rule for balance in plan.balances] == [Rule.LISTED, Rule.BEFORE]
    ledger.take(plan)
    assert ledger.plan(commission(1, 900)).postings == []
    assert ledger.booked() == {("cm_1", "bob", "USD"): 9_000_000}


def test_nobody_is_debited_for_what_the_code_s_former_owner_got() -> None:
    ledger = Ledger()
    ledger.take(ledger.plan(commission(1, 1000)))
    ledger.host.run()
    ledger.owned("AMY", "zoe")
    plan = ledger.plan(commission(1, 1000))
    assert plan.faults == [
        (
            "commission cm_1: -10.00 USD would go to amy, but the code AMY is owned by zoe now; "
            "give amy a code (reftrail codes add), and import again"
        )
    ]
    ledger.owned("AMY2", "amy")
    plan = ledger.plan(commission(1, 1000))
    assert (plan.faults, posted(plan)) == (
        [],
        [("dub:cm_1:1", "AMY2", -10_000_000, "USD"), ("dub:cm_1:2", "AMY", 10_000_000, "USD")],
    )
    ledger.listed = {"pn_1": "AMY2"}
    kept = ledger.plan(commission(1, 1000))
    assert (kept.postings, kept.faults) == ([], []), "amy has it"
    assert kept.notes == [
        "commission cm_1: 10.00 USD of amy stay under AMY; only changes are posted under AMY2"
    ]


def test_commissions_that_cancel_out_do_not_match() -> None:
    ledger = Ledger(policy=HELD)
    ledger.take(ledger.plan(commission(1, 0, state="paid"), commission(2, 400)))
    swapped = [commission(1, 400), commission(2, 0, state="paid")]
    plan = ledger.plan(*swapped)
    (balance,) = plan.balances
    assert (figures(balance), balance.matches) == ((4_000_000, 4_000_000, 0, 0), False)


@pytest.mark.parametrize(
    ("changed", "code_of_it"),
    [
        ({"email": "Amy@Affiliates.example"}, "MAIL"),
        ({"earner": "42"}, None),
        ({"earner": "amy@affiliates.example"}, None),
        ({"token": "luke"}, None),
        ({"email": "LUKE"}, None),
        ({"email": "two@affiliates.example"}, None),
        ({"email": "nobody@affiliates.example"}, None),
    ],
)
def test_without_a_list_only_an_owner_s_e_mail_address_says_whose_it_is(
    changed: dict[str, str], code_of_it: str | None
) -> None:
    ledger = Ledger()
    ledger.listed = None
    ledger.owned("MAIL", "amy@affiliates.example")
    ledger.owned("FORTYTWO", "42")
    ledger.owned("LUKE", "mallory")
    for name in ("TWO1", "TWO2"):
        ledger.owned(name, "two@affiliates.example")
    plan = ledger.plan(commission(1, 5, **changed))
    found = [(posting.place.code, posting.rule) for posting in plan.postings]
    assert found == ([] if code_of_it is None else [(code_of_it, Rule.EMAIL)])
    assert plan.without_code == ([] if code_of_it else [changed.get("earner", "pn_1")])


def test_a_list_names_an_earner_by_any_name_and_one_without_a_code_is_told() -> None:
    known = commission(1, 5, "pn_2", email="bob@affiliates.example")
    nobody = [commission(number, 5, "pn_3") for number in (2, 3)]
    paid = commission(4, 0, "pn_4", state="paid")
    plan = Ledger().plan(known, *nobody, paid)
    assert [posting.place.code for posting in plan.postings] == ["BOB"]
    assert plan.without_code == ["pn_3"]
