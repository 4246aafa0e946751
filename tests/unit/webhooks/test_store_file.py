"""The store's file: several processes that write, and much that goes at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting import sqlite_file
from reftrail.webhooks import store as module
from reftrail.webhooks.database import StoreBusy
from reftrail.webhooks.model import DeliveryState, LogPlace, Message
from reftrail.webhooks.outbox import Attempt, Outbox
from reftrail.webhooks.store import WebhookStore

AT = 1_000_000
URL = "https://shop.example/hook"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookStore]:
    monkeypatch.setattr(sqlite_file, "_BUSY_SECONDS", 0.01)
    monkeypatch.setattr(module, "_DELETED_AT_ONCE", 2)
    opened = WebhookStore.open(tmp_path / "webhooks.sqlite")
    yield opened
    opened.close()


def filled(store: WebhookStore, count: int) -> Outbox:
    """A webhook with so many deliveries, all delivered."""
    webhook = store.add(URL, ["rewards"], {("rewards", 0): 0}, AT)
    outbox = Outbox(store, webhook.webhook_id)
    places = [LogPlace("rewards", 0, number) for number in range(count)]
    outbox.take_in([Message(place, "msg", "kind", "{}") for place in places], [], 0, AT)
    outbox.record([Attempt(place, True, "answered 200") for place in places], AT)
    return outbox


@contextmanager
def another_writes(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


class Interrupted(Exception):  # noqa: N818  (what happens, no fault)
    """Where others have their turn."""


def interrupt(_: float) -> None:
    raise Interrupted


def test_a_webhook_is_gone_at_once_and_its_deliveries_piece_by_piece(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed, other = filled(store, 5), filled(store, 3)
    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", interrupt)
        with pytest.raises(Interrupted):
            store.remove(removed.webhook_id)
    assert [webhook.webhook_id for webhook in store.all(AT)] == [other.webhook_id]
    assert len(removed.listed(None, 9)) == 3
    store.finish_removing()
    assert (removed.listed(None, 9), len(other.listed(None, 9))) == ([], 3)


def test_what_was_settled_is_forgotten_piece_by_piece(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = filled(store, 5)
    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", interrupt)
        with pytest.raises(Interrupted):
            outbox.forget_settled(AT + 1)
    assert len(outbox.listed(DeliveryState.DELIVERED, 9)) == 3
    outbox.forget_settled(AT + 1)
    assert outbox.listed(None, 9) == []


def test_what_reads_waits_for_nobody_and_what_writes_says_that_it_has_to(
    store: WebhookStore,
) -> None:
    outbox = filled(store, 1)
    with another_writes(store.path):
        with closing(WebhookStore.open_existing(store.path)) as opened:
            (webhook,) = opened.all(AT)
        assert store.find(webhook.webhook_id, AT) == webhook
        assert store.positions(webhook.webhook_id) == {("rewards", 0): 0}
        assert (outbox.due(AT, 9), outbox.waiting().number) == ([], 0)
        assert len(outbox.listed(None, 9)) == 1
        with pytest.raises(StoreBusy, match="is locked: another process"):
            store.remove(webhook.webhook_id)


def test_a_store_that_can_not_be_made_now_is_not_said_to_be_broken(
    store: WebhookStore, tmp_path: Path
) -> None:
    path = tmp_path / "new.sqlite"
    with another_writes(path), pytest.raises(StoreBusy):
        WebhookStore.open(path)


def test_a_store_that_is_there_alone_is_opened_by_most_commands(tmp_path: Path) -> None:
    path = tmp_path / "typo" / "webhooks.sqlite"
    with pytest.raises(ExpectedError, match="there is no store of webhooks"):
        WebhookStore.open_existing(path)
    assert not path.parent.exists()


def test_a_file_that_others_can_read_is_made_its_owners(store: WebhookStore) -> None:
    filled(store, 1)
    paths = [store.path, store.path.with_name(f"{store.path.name}-wal")]
    for path in paths:
        path.chmod(0o644)
    WebhookStore.open(store.path).close()
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o600, 0o600]
