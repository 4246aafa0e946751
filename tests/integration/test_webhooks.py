"""Webhooks end to end: a real broker, a real host, and receivers over HTTP."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.fulfilment import an_order, wait_until
from support.kafka import TestInstallation
from support.log import ends_of, produce
from support.receivers import Received, Receiver, RunningWebhooks, receiver, running_webhooks

from reftrail.contracts.topics import REWARD_GRANTED

PATIENCE = 300


@pytest.fixture
def host(installation: TestInstallation, tmp_path: Path) -> Iterator[RunningWebhooks]:
    with running_webhooks(installation, tmp_path / "host") as running:
        yield running


def grant(installation: TestInstallation, numbers: range) -> set[str]:
    """Grants on the topic; the reward_ids."""
    orders = [an_order(number) for number in numbers]
    produce(installation, REWARD_GRANTED, orders)
    return {order.reward_id for order in orders}


def rewards(found: Receiver) -> set[str]:
    return {request.content["data"]["reward_id"] for request in found.received}


def has_more(found: Receiver, than: int) -> bool:
    return len(found.received) > than


def is_refused(host: RunningWebhooks, webhook_id: str) -> bool:
    deliveries = host.listed("deliveries", webhook_id)
    return bool(deliveries) and "isn't public" in str(deliveries[0]["detail"])


def add(host: RunningWebhooks, url: str, *more: str) -> tuple[str, str]:
    """The id and the secret of a new webhook."""
    secret = host.run("add", url, "--topics", "reward-granted", *more).strip()
    return host.listed("list")[-1]["webhook_id"], secret


def test_grants_are_sent_signed_and_one_dead_receiver_holds_up_nobody(
    installation: TestInstallation, tmp_path: Path
) -> None:
    before = grant(installation, range(3))
    with (
        running_webhooks(installation, tmp_path / "host", timeout_seconds="3600") as host,
        receiver() as good,
        receiver(answer=lambda _: None) as dead,
        receiver() as late,
    ):
        add(host, dead.url)
        webhook_id, secret = add(host, good.url)
        wanted = grant(installation, range(3, 40))
        wait_until(lambda: rewards(good) >= wanted, PATIENCE)
        assert rewards(good) == wanted, "those before it was added aren't sent"
        first = good.received[0]
        assert first.is_signed_by(secret)
        forged = Received(first.headers, first.body.replace("credit", "cash"), first.path)
        assert not forged.is_signed_by(secret)
        assert first.headers["webhook-key-ids"] == "k1"
        assert first.content["type"] == "reward_granted"
        assert first.content["topic"] == "reward-granted"
        assert len(good.ids) == len(wanted)
        wait_until(lambda: host.listed("list")[-1]["waiting"] == 0, PATIENCE)
        listed = host.listed("deliveries", webhook_id, "--limit", "99")
        assert [delivery["state"] for delivery in listed] == ["delivered"] * len(wanted)
        assert len(dead.received) <= 8, "as many as are under way at the same time"
        assert host.listed("list")[0]["waiting"] == len(wanted)
        add(host, late.url, "--from", "beginning")
        wait_until(lambda: rewards(late) >= wanted | before, PATIENCE)
        assert host.stop() == 0


def test_a_killed_host_loses_nothing(host: RunningWebhooks, installation: TestInstallation) -> None:
    with receiver() as found:
        _, secret = add(host, found.url)
        wanted: set[str] = set()
        for numbers in (range(60), range(60, 120), range(120, 180)):
            wanted |= grant(installation, numbers)
            wait_until(partial(has_more, found, len(found.received)), PATIENCE)
            host.kill()
            host.start()
        wait_until(lambda: rewards(found) >= wanted, PATIENCE)
        by_reward: dict[str, set[str]] = {}
        for request in found.received:
            assert request.is_signed_by(secret)
            by_reward.setdefault(request.content["data"]["reward_id"], set()).add(
                request.message_id
            )
        assert {len(ids) for ids in by_reward.values()} == {1}, "what comes again has its id"


def test_what_fails_is_tried_again_and_what_has_failed_is_listed_and_sent_on_demand(
    installation: TestInstallation, tmp_path: Path
) -> None:
    seen: dict[str, int] = {}

    def third_time(request: Received) -> tuple[int, dict[str, str]]:
        seen[request.message_id] = seen.get(request.message_id, 0) + 1
        return (200 if seen[request.message_id] > 2 else 500), {}

    with (
        running_webhooks(installation, tmp_path / "host", give_up_after_seconds="3") as host,
        receiver(answer=third_time) as flaky,
        receiver(answer=lambda _: (410, {})) as gone,
    ):
        flaky_id, _ = add(host, flaky.url)
        gone_id, _ = add(host, gone.url)
        wanted = grant(installation, range(5))

        def settled(webhook_id: str, state: str) -> list[dict[str, Any]]:
            return host.listed("deliveries", webhook_id, "--state", state)

        wait_until(lambda: len(settled(flaky_id, "delivered")) == len(wanted), PATIENCE)
        assert {delivery["attempts"] for delivery in settled(flaky_id, "delivered")} == {3}
        wait_until(lambda: len(settled(gone_id, "failed")) == len(wanted), PATIENCE)
        assert {delivery["detail"] for delivery in settled(gone_id, "failed")} == {"answered 410"}
        gone.answer = lambda _: (200, {})
        assert "5 to be sent again" in host.run("replay", gone_id, "--failed")
        wait_until(lambda: len(settled(gone_id, "delivered")) == len(wanted), PATIENCE)
        later = grant(installation, range(5, 6))
        wait_until(lambda: rewards(gone) >= later, PATIENCE)


def test_replay_from_an_offset_and_rotation(
    host: RunningWebhooks, installation: TestInstallation
) -> None:
    begin = ends_of(installation, REWARD_GRANTED)
    with receiver() as found:
        webhook_id, old = add(host, found.url)
        wanted = grant(installation, range(30))
        wait_until(lambda: rewards(found) >= wanted, PATIENCE)
        place = next(request.content for request in found.received if request.content["offset"] > 0)
        partition, offset = place["partition"], place["offset"]
        again = {
            request.message_id
            for request in found.received
            if request.content["partition"] == partition and request.content["offset"] >= offset
        }
        assert again != found.ids
        new = host.run("rotate", webhook_id).strip()
        found.received.clear()
        where = ("--topic", "reward-granted", "--partition", str(partition))
        host.run("replay", webhook_id, *where, "--offset", str(offset))
        wait_until(lambda: found.ids >= again, PATIENCE)
        assert found.ids == again
        for request in found.received:
            assert request.is_signed_by(old)
            assert request.is_signed_by(new)
            assert request.headers["webhook-key-ids"] == "k2 k1"
        assert "k1 signs until" in host.run("rotate", webhook_id, exit_code=1)
        host.run("rotate", webhook_id, "--overlap", "0 seconds", "--force")
        found.received.clear()
        host.run("replay", webhook_id, "--since", "beginning")
        wait_until(lambda: rewards(found) >= wanted, PATIENCE)
        assert not found.received[-1].is_signed_by(new)
        assert "doesn't get events" in host.run(
            "replay", webhook_id, "--topic", "events", "--since", "beginning", exit_code=1
        )
        host.run("remove", webhook_id)
        assert host.listed("list") == []
        assert begin.keys()


def test_nothing_is_sent_into_private_networks_by_name_or_by_redirect(
    installation: TestInstallation, tmp_path: Path
) -> None:
    with (
        receiver() as secret_service,
        receiver(answer=lambda _: (307, {"location": secret_service.url})) as outside,
    ):
        with running_webhooks(installation, tmp_path / "open") as host:
            webhook_id, _ = add(host, outside.url)
            grant(installation, range(1))
            wait_until(lambda: bool(outside.received), PATIENCE)
            wait_until(
                lambda: "redirects" in str(host.listed("deliveries", webhook_id)[0]["detail"]),
                PATIENCE,
            )
        with running_webhooks(installation, tmp_path / "shut", private_networks="") as host:
            name = secret_service.url.replace("127.0.0.1", "localhost")
            ids = [add(host, url)[0] for url in (secret_service.url, name)]
            grant(installation, range(1, 2))
            for webhook_id in ids:
                wait_until(partial(is_refused, host, webhook_id), PATIENCE)
        assert secret_service.received == []
