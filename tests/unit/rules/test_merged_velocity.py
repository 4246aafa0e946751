"""A device, address or e-mail of a person's own accounts: after their merge it has one user."""

from typing import Any

import msgspec
import pytest
from support.merged_users import ACCOUNT, GUEST, MERGED, balances, ledger, played

from reftrail.contracts.events import Event
from reftrail.contracts.policy import Fraud
from reftrail.contracts.record import DAY
from reftrail.contracts.stage_messages import SignalChecked
from reftrail.contracts.topics import EVENTS, REVIEWS, REWARD_INPUTS
from reftrail.rules.fraud.case import SignalSeen
from reftrail.rules.fraud.persons import of_person
from reftrail.rules.reward.order_evidence import MOST_OF_KIND, highest, together
from reftrail.rules.velocity import MOST_NAMED, MOST_SEEN, name_of
from reftrail.testing import MemoryHost, purchase, refund, reviewed, signup, users_merged

SHOWN: dict[str, Any] = {"device_hash": "d"}
GRANTED = {"amy": 10, "person": 10}


def joins(user: str, at: str, **fields: Any) -> Event:
    return signup(at, user_id=user, typed="AMY", visitor_id=None, **fields)


ACCOUNTS = (
    joins("account", "08:00"),
    joins("guest", "09:00", **SHOWN),
    joins("third", "09:30", **SHOWN),
)
BUYS = purchase("o1", at="11:00", **ACCOUNT, **SHOWN)
OF_GUEST = purchase("o1", at="11:00", **GUEST, **SHOWN)
THIRD_MERGED = users_merged("third", "account", at="12:30")
STRANGER = (joins("stranger", "08:15"), purchase("x", at="08:30", user_id="stranger", **SHOWN))


def watching(weight: int, limit: int = 1, **fields: Any) -> dict[str, Any]:
    fraud = Fraud(
        weights={"users_per_device_24h": weight, "users_per_device_30d": 0},
        limits={"users_per_device_24h": limit},
    )
    return {"repeats": 0, "fraud": fraud} | fields


def of_order(host: MemoryHost, order: str = "o1", user: str = "account") -> list[Any]:
    """The referrer's entries of an order under a user's referral: status and reasons."""
    return [
        (entry.status, entry.reasons)
        for entry in ledger(host)
        if (entry.order_id, entry.user_id, entry.role) == (order, user, "referrer")
    ]


HELD = ("held", ["users_per_device_24h"])
REJECTED = ("rejected", ["users_per_device_24h"])


def test_what_was_held_for_a_person_s_own_accounts_is_granted_once_all_are_merged() -> None:
    host = played([*ACCOUNTS, BUYS, MERGED], policy=watching(60))
    assert of_order(host) == [HELD]
    host.publish(EVENTS, THIRD_MERGED)
    host.run()
    assert of_order(host) == [HELD, ("granted", ["approved", "users_merged"])]
    assert balances(host) == GRANTED


def test_what_was_rejected_for_a_person_s_own_accounts_is_decided_again() -> None:
    host = played([*ACCOUNTS, BUYS, MERGED], policy=watching(100))
    assert of_order(host) == [REJECTED]
    host.publish(EVENTS, THIRD_MERGED)
    host.run()
    assert of_order(host) == [REJECTED, ("granted", ["reinstated", "users_merged"])]
    assert balances(host) == GRANTED


@pytest.mark.parametrize("order", [BUYS, OF_GUEST], ids=["of the account", "of the guest"])
@pytest.mark.parametrize("weight", [60, 100])
def test_an_order_after_the_merges_is_granted_at_once(order: Event, weight: int) -> None:
    host = played([*ACCOUNTS, MERGED, THIRD_MERGED, order], policy=watching(weight))
    assert of_order(host) == [("granted", [])]


@pytest.mark.parametrize("weight", [60, 100])
def test_an_order_of_the_guest_follows_to_the_account_without_that_suspicion(weight: int) -> None:
    host = played([*ACCOUNTS, OF_GUEST, MERGED, THIRD_MERGED], policy=watching(weight))
    assert of_order(host)[-1][0] == "granted"
    assert balances(host) == GRANTED


@pytest.mark.parametrize("weight", [60, 100])
@pytest.mark.parametrize("order", [BUYS, OF_GUEST], ids=["of the account", "of the guest"])
def test_a_stranger_on_the_device_still_counts(order: Event, weight: int) -> None:
    events = [*STRANGER, *ACCOUNTS, order, MERGED, THIRD_MERGED]
    host = played(events, policy=watching(weight))
    assert balances(host) == {"amy": 10, "stranger": 10}
    assert {status for status, _ in of_order(host)} == {"held" if weight == 60 else "rejected"}
    assert balances(played(events, policy=watching(weight, limit=2)))["person"] == 10


def test_the_holding_period_goes_on_after_the_suspicion() -> None:
    policy = watching(60, hold_for=14 * DAY)
    host = played([*ACCOUNTS, BUYS, MERGED, THIRD_MERGED], policy=policy)
    assert of_order(host) == [HELD, ("held", ["approved", "users_merged"])]


@pytest.mark.parametrize("weight", [60, 100])
def test_what_a_review_or_refund_has_ended_stays_so(weight: int) -> None:
    host = played([*ACCOUNTS, BUYS], policy=watching(weight))
    host.publish(REVIEWS, reviewed("reinstate", "11:30", user_id="account", reason="known"))
    host.publish(REVIEWS, reviewed("reverse", "11:40", user_id="account", reason="fraud"))
    host.publish(REVIEWS, reviewed("decline", "11:45", user_id="account", reason="fraud"))
    host.run()
    host.publish(EVENTS, MERGED, THIRD_MERGED)
    assert balances(host.run()) == {}
    paid_back = refund("o1", at="11:30", **ACCOUNT)
    events = [*ACCOUNTS, BUYS, paid_back, MERGED, THIRD_MERGED]
    assert balances(played(events, policy=watching(weight))) == {}


@pytest.mark.parametrize("order", [BUYS, OF_GUEST], ids=["of the account", "of the guest"])
def test_other_evidence_stays_after_the_merge(order: Event) -> None:
    policy = watching(60)
    blocks = Fraud(
        weights={"users_per_device_24h": 60, "users_per_device_30d": 60, "disposable_email": 70},
        limits={"users_per_device_24h": 1, "users_per_device_30d": 3},
    )
    shown = {**SHOWN, "email_hash": "m", "email_disposable": True}
    suspicious = msgspec.structs.replace(order, **shown)
    host = played([*ACCOUNTS, suspicious, MERGED, THIRD_MERGED], policy=policy | {"fraud": blocks})
    assert balances(host) == {}


def test_one_address_of_two_accounts_rejects_until_they_are_merged() -> None:
    mail: dict[str, Any] = {"email_hash": "m"}
    policy = {"repeats": 0, "once_per_email": False}
    events = (
        joins("account", "08:00"),
        joins("guest", "09:00", **mail),
        purchase("o1", at="11:00", **ACCOUNT, **mail),
    )
    host = played(events, policy=policy)
    assert of_order(host) == [("rejected", ["users_per_email"])]
    host.publish(EVENTS, MERGED)
    assert balances(host.run()) == GRANTED


def test_an_answer_names_the_latest_others_first() -> None:
    users = [f"u{nth}" for nth in range(MOST_NAMED + 2)]
    events = [joins(user, f"09:{nth:02}", **SHOWN) for nth, user in enumerate(users)]
    host = played(events, policy=watching(0))
    answers = {
        answer.user_id: answer
        for answer in host.log(REWARD_INPUTS)
        if isinstance(answer, SignalChecked) and answer.kind == "device"
    }
    assert answers["u0"].others == b""
    assert answers["u2"].others == name_of("u1") + name_of("u0")
    latest = users[-2 : -2 - MOST_NAMED : -1]
    assert answers[users[-1]].others == b"".join(map(name_of, latest))


A, B, C = (name_of(user) for user in "abc")
ANSWER = SignalSeen("", "device", 2, 3, 1, 1, 0, B + C)


@pytest.mark.parametrize(
    ("person", "users"),
    [("a", (2, 3)), ("ab", (1, 2)), ("ac", (2, 2)), ("abc", (1, 1)), ("", (2, 3))],
)
def test_a_person_counts_once_within_each_time(person: str, users: tuple[int, int]) -> None:
    seen = of_person(ANSWER, frozenset(map(name_of, person)))
    assert (seen.users_24h, seen.users_30d) == users


def test_users_beyond_those_that_are_counted_stay_beyond() -> None:
    crowd = SignalSeen("", "ip", MOST_SEEN, MOST_SEEN, 1, 1, 0, B + C)
    assert of_person(crowd, frozenset({A, B})) == crowd


def test_the_highest_of_several_answers_is_known_when_they_are_judged() -> None:
    other = SignalSeen("", "device", 2, 2, 1, 1, 0, A)
    known = together([ANSWER, other, ANSWER])
    assert highest(known, frozenset({B, C}))["device"].users_30d == 2
    assert highest(known, frozenset({A, B}))["device"].users_30d == 2
    many = [SignalSeen("", "device", 2, 2, 1, 1, 0, name_of(f"u{nth}")) for nth in range(20)]
    assert len(together(many)) == MOST_OF_KIND + 1
    assert together(together(many)) == together(many)
