"""The store: webhooks, keys, positions, and deliveries beside them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.sqlite_file import locked
from reftrail.webhooks import outbox as module
from reftrail.webhooks.model import DeliveryState, LogPlace, Message, SigningKey
from reftrail.webhooks.outbox import Attempt, Outbox
from reftrail.webhooks.store import MOST_WEBHOOKS, WebhookStore

AT = 1_000_000
URL = "https://shop.example/hook"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WebhookStore]:
    opened = WebhookStore.open(tmp_path / "webhooks.sqlite")
    yield opened
    opened.close()


def message(offset: int) -> Message:
    return Message(LogPlace("rewards", 0, offset), f"msg_{offset}", "reward_decided", "{}")


def added(store: WebhookStore) -> Outbox:
    webhook = store.add(URL, ["rewards"], {("rewards", 0): 5}, AT)
    return Outbox(store, webhook.webhook_id)


def webhook_id(store: WebhookStore) -> str:
    return store.all(AT)[0].webhook_id


def test_what_was_read_is_to_be_sent_or_to_be_read_again(store: WebhookStore) -> None:
    outbox = added(store)
    assert store.positions(webhook_id(store)) == {("rewards", 0): 5}
    assert outbox.take_in([message(5), message(6)], [LogPlace("rewards", 0, 7)], 0, AT)
    assert store.positions(webhook_id(store)) == {("rewards", 0): 7}
    assert [due.message_id for due in outbox.due(AT, 9)] == ["msg_5", "msg_6"]
    assert outbox.due(AT - 1, 9) == []


def test_what_was_read_for_a_webhook_that_was_moved_or_removed_counts_for_nothing(
    store: WebhookStore,
) -> None:
    outbox = added(store)
    store.move_back(webhook_id(store), {("rewards", 0): 2})
    assert not outbox.take_in([message(5)], [LogPlace("rewards", 0, 6)], 0, AT)
    assert (store.positions(webhook_id(store)), outbox.due(AT, 9)) == ({("rewards", 0): 2}, [])
    store.remove(webhook_id(store))
    assert not outbox.take_in([message(5)], [LogPlace("rewards", 0, 6)], 1, AT)
    assert outbox.listed(None, 9) == []


def test_attempts_settle_a_delivery_or_say_when_to_try_again(store: WebhookStore) -> None:
    outbox = added(store)
    outbox.take_in([message(n) for n in range(3)], [], 0, AT)
    first, second, third = (LogPlace("rewards", 0, n) for n in range(3))
    outbox.record(
        [
            Attempt(first, True, "answered 200"),
            Attempt(second, False, "answered 500", AT + 10),
            Attempt(third, False, "x" * 900),
        ],
        AT + 1,
    )
    assert outbox.due(AT + 9, 9) == []
    assert [due.attempts for due in outbox.due(AT + 10, 9)] == [1]
    found = {
        delivery.place.offset: (delivery.state, delivery.attempts)
        for delivery in outbox.listed(None, 9)
    }
    assert found == {
        0: (DeliveryState.DELIVERED, 1),
        1: (DeliveryState.WAITING, 1),
        2: (DeliveryState.FAILED, 1),
    }
    assert outbox.waiting() == (1, AT)
    assert [delivery.place.offset for delivery in outbox.listed(DeliveryState.FAILED, 9)] == [2]
    assert outbox.retry_failed(AT + 20) == 1
    assert {due.place.offset: due.attempts for due in outbox.due(AT + 20, 9)} == {1: 1, 2: 0}


def test_a_record_that_comes_again_is_sent_again(store: WebhookStore) -> None:
    outbox = added(store)
    outbox.take_in([message(5)], [], 0, AT)
    outbox.record([Attempt(message(5).place, True, "answered 200")], AT)
    outbox.take_in([message(5)], [], 0, AT + 5)
    assert [(due.attempts, due.taken_at) for due in outbox.due(AT + 5, 9)] == [(0, AT + 5)]


def test_what_was_settled_is_forgotten_and_what_waits_is_not(store: WebhookStore) -> None:
    outbox = added(store)
    outbox.take_in([message(1), message(2)], [], 0, AT)
    outbox.record([Attempt(message(1).place, True, "answered 200")], AT)
    outbox.forget_settled(AT)
    assert len(outbox.listed(None, 9)) == 2
    outbox.forget_settled(AT + 1)
    assert [delivery.place.offset for delivery in outbox.listed(None, 9)] == [2]


def test_what_has_failed_is_kept_up_to_a_number_and_what_is_not_is_told(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = added(store)
    outbox.take_in([message(number) for number in range(5)], [], 0, AT)
    for number in range(5):
        outbox.record([Attempt(message(number).place, False, "answered 410")], AT + number)
    outbox.forget_settled(AT + 99)
    assert len(outbox.listed(DeliveryState.FAILED, 9)) == 5
    monkeypatch.setattr(module, "MOST_FAILED", 2)
    outbox.forget_settled(AT)
    assert [found.place.offset for found in outbox.listed(None, 9)] == [4, 3]
    note = store.find(webhook_id(store), AT).note or ""
    assert note.startswith("what had failed up to 1970-01-01T00:16:40.002Z was forgotten")


def test_what_was_tried_has_room_of_its_own(store: WebhookStore) -> None:
    outbox = added(store)
    outbox.take_in([message(number) for number in range(3)], [], 0, AT)
    assert (outbox.has_room(3, 9), outbox.has_room(4, 1)) == (False, True)
    again = [Attempt(message(number).place, False, "answered 400", AT) for number in range(3)]
    outbox.record(again, AT)
    assert (outbox.has_room(1, 3), outbox.has_room(1, 4)) == (False, True)


def test_what_was_missed_is_kept_with_the_positions_and_after_what_was_missed_before(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = added(store)
    read = [LogPlace("rewards", 0, 9)]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "put_position", killed)
        with pytest.raises(KeyboardInterrupt):
            outbox.take_in([], read, 0, AT, "5 to 8")
    assert store.find(webhook_id(store), AT).note is None
    assert outbox.take_in([], read, 0, AT, "5 to 8")
    assert outbox.take_in([], [], 0, AT, "12 to 13")
    assert outbox.take_in([], [], 0, AT)
    assert store.find(webhook_id(store), AT).note == "5 to 8; 12 to 13"


def test_two_keys_sign_during_a_rotation(store: WebhookStore) -> None:
    added(store)
    (old,) = store.all(AT)[0].keys
    rotated = store.rotate(webhook_id(store), 100, AT)
    assert rotated.keys == (SigningKey("k2", rotated.keys[0].secret), old)
    assert rotated.keys[0].secret != old.secret
    assert store.find(rotated.webhook_id, AT + 100).keys == rotated.keys[:1]


def test_a_key_signs_for_as_long_as_was_said_unless_that_is_ended(store: WebhookStore) -> None:
    added(store)
    first = store.rotate(webhook_id(store), 100, AT)
    with pytest.raises(ExpectedError, match=r"k1 signs until 1970-.*Z; .* --force"):
        store.rotate(first.webhook_id, 100, AT + 99)
    assert store.find(first.webhook_id, AT + 99) == first
    forced = store.rotate(first.webhook_id, 100, AT + 99, force=True)
    assert forced.keys[1:] == first.keys[:1]
    again = store.rotate(first.webhook_id, 100, AT + 199)
    assert [key.key_id for key in again.keys] == ["k4", "k3"]


def test_what_can_not_be(store: WebhookStore, tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match="no webhook wh_x; see: reftrail webhooks list"):
        store.remove("wh_x")
    for _ in range(MOST_WEBHOOKS):
        added(store)
    with pytest.raises(ExpectedError, match="no more than 100 at once"):
        added(store)
    (tmp_path / "text").write_text("no database, but a text of some length\n" * 100)
    with pytest.raises(ExpectedError, match="can't be used"):
        WebhookStore.open(tmp_path / "text")


def test_secrets_are_for_the_owner_of_the_file_alone(store: WebhookStore) -> None:
    beneath = store.path.parent / "made" / "webhooks.sqlite"
    WebhookStore.open(beneath).close()
    assert beneath.parent.stat().st_mode & 0o777 == 0o700
    with locked(store.path):
        files = [file for file in store.path.parent.iterdir() if file.is_file()]
    assert {file.name.removeprefix(store.path.name) for file in files} >= {"", ".lock"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
