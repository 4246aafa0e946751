"""A purchase or refund that waits is kept in few bytes, and read back as it was."""

import msgspec
import pytest

from reftrail.rules.attribution.state import kind_of
from reftrail.rules.attribution.user_action import TouchShown, UserAction
from reftrail.rules.attribution.waiting import (
    ForgottenRefunds,
    WaitingAction,
    due_at,
    forgotten_key,
    parts_of_timed_key,
    waiting_key,
)

UUID = "019a0000-0000-7000-8000-0123456789ab"
SERVER_S = UserAction("purchase", UUID, 1_790_000_000_000, 1_790_000_000_150, None, "o1", 5, "EUR")
FULL = UserAction(
    "refund", UUID, 1_790_000_000_000, 1_789_999_999_000, "v1", "o1", 5, "EUR", "DE", "web",
    "device", "ip", "network", "email", "k1", False, "electronic",
    TouchShown("d", "i", "n", 7, "secret"),
)  # fmt: skip


@pytest.mark.parametrize("action", [SERVER_S, FULL])
def test_a_action_is_read_back_as_it_was(action: UserAction) -> None:
    packed = msgspec.msgpack.encode(WaitingAction.of(action, 30, 7))
    cell = msgspec.msgpack.decode(packed, type=WaitingAction)
    assert cell.action(action.event_id) == action
    assert due_at(cell) == action.received_at + 30
    assert due_at(WaitingAction()) is None


def test_a_server_s_purchase_takes_few_bytes() -> None:
    assert len(msgspec.msgpack.encode(WaitingAction.of(SERVER_S, 2_592_000_000, 10**6))) < 45
    assert len(waiting_key("u1", UUID)) == len("u1:u:") + 22


@pytest.mark.parametrize("event_id", [UUID, UUID.upper(), UUID.replace("-", ""), "e:3", "", "w"])
def test_a_key_tells_whose_and_which_action_it_is(event_id: str) -> None:
    assert parts_of_timed_key(waiting_key("b:ob%", event_id)) == ("b:ob%", f"w:{event_id}")


@pytest.mark.parametrize("order_id", ["o1", UUID, "a:b%", ""])
def test_the_key_of_forgotten_refunds_tells_whose_and_which_order_s_they_are(order_id: str) -> None:
    key = forgotten_key("b:ob%", order_id)
    assert parts_of_timed_key(key) == ("b:ob%", f"r:{order_id}")
    assert kind_of(key) is ForgottenRefunds
    assert kind_of(waiting_key("b:ob%", order_id)) is WaitingAction
    assert due_at(ForgottenRefunds(((1, ()),), 7)) == 7
    assert due_at(ForgottenRefunds()) is None
