"""`reftrail webhooks`: what it refuses, and what it shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reftrail.cli import webhooks as module
from reftrail.cli.main import command_line
from reftrail.contracts.errors import ExpectedError
from reftrail.local.ready import Ready, write_ready
from reftrail.webhooks.model import LogPlace, Message
from reftrail.webhooks.outbox import Attempt, Outbox
from reftrail.webhooks.store import WebhookStore

AT = 1_000_000
URL = "https://shop.example/hook"
BEGIN = {("rewards", 0): 100, ("rewards", 1): 5_000}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WebhookStore]:
    opened = WebhookStore.open(tmp_path / "webhooks.sqlite")
    yield opened
    opened.close()


def run(store: Path, *arguments: str) -> Result:
    environment = {
        "REFTRAIL_WEBHOOKS_STORE": str(store),
        "REFTRAIL_BOOTSTRAP_SERVERS": "nowhere:1",
        "REFTRAIL_TOPIC_PREFIX": "",
        "COLUMNS": "200",
    }
    return CliRunner().invoke(
        command_line(("webhooks",)), ["webhooks", *arguments], env=environment
    )


def refused(store: Path, *arguments: str) -> str:
    result = run(store, *arguments)
    assert isinstance(result.exception, ExpectedError), (result.output, result.exception)
    return str(result.exception)


@pytest.mark.parametrize(
    ("partition", "offset", "message"),
    [
        ("0", "101", "up to 100, and 101 lies beyond"),
        ("0", "99999999999999999999", "give an offset up to 100"),
        ("99", "5", "nothing of rewards/99; give one of the partitions that it reads: 0, 1"),
    ],
)
def test_a_replay_from_what_was_not_read_is_refused(
    store: WebhookStore, partition: str, offset: str, message: str
) -> None:
    webhook_id = store.add(URL, ["rewards"], BEGIN, AT).webhook_id
    where = ("--topic", "rewards", "--partition", partition, "--offset", offset)
    assert message in refused(store.path, "replay", webhook_id, *where)
    assert store.positions(webhook_id) == BEGIN


def test_a_replay_from_an_offset_that_was_read(store: WebhookStore) -> None:
    webhook_id = store.add(URL, ["rewards"], BEGIN, AT).webhook_id
    where = ("--topic", "rewards", "--partition", "1", "--offset", "17")
    assert "rewards/1 from 17 on\n" in run(store.path, "replay", webhook_id, *where).output
    assert store.positions(webhook_id) == BEGIN | {("rewards", 1): 17}


def test_a_replay_since_a_time_leaves_nothing_out_that_was_not_read(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def places(*_: object) -> dict[tuple[str, int], int]:
        return {("rewards", 0): 4_900, ("rewards", 1): 4_900, ("rewards", 2): 30}

    monkeypatch.setattr(module, "places", places)
    webhook_id = store.add(URL, ["rewards"], BEGIN, AT).webhook_id
    result = run(store.path, "replay", webhook_id, "--since", "now")
    assert "rewards/0 from 100 on (not 4900" in result.output
    assert "rewards/1 from 4900 on\n" in result.output
    assert store.positions(webhook_id) == {
        ("rewards", 0): 100,
        ("rewards", 1): 4_900,
        ("rewards", 2): 0,
    }


def test_what_is_shown_is_no_markup(store: WebhookStore) -> None:
    webhook_id = store.add("https://[fd00::1]/hook", ["rewards"], {}, AT).webhook_id
    outbox = Outbox(store, webhook_id)
    place = LogPlace("rewards", 0, 5)
    outbox.take_in([Message(place, "msg_5", "kind", "{}")], [], 0, AT)
    outbox.record([Attempt(place, False, "answered 500: '[/x] :warning: [red]'")], AT)
    assert "'[/x] :warning: [red]'" in run(store.path, "deliveries", webhook_id).output
    assert "https://[fd00::1]/hook" in run(store.path, "list").output


@pytest.mark.parametrize(
    ("url", "allowed", "said"),
    [
        ("https://10.1.2.3/hook", "", "10.1.2.3, which isn't public; allow its network in"),
        ("https://10.1.2.3/hook", "10.0.0.0/8", None),
        ("http://[::1]:8080/hook", "", "::1, which isn't public"),
        ("http://10.1.2.3/hook", "10.0.0.0/8", None),
        ("http://8.8.8.8/hook", "", "without encryption; give an https address"),
        ("https://8.8.8.8/hook", "", None),
        ("https://no-such-host.invalid/hook", "", "no-such-host.invalid can't be looked up here"),
    ],
)
def test_an_address_that_nothing_is_sent_to_is_said_when_it_is_added(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch, url: str, allowed: str, said: str | None
) -> None:
    monkeypatch.setattr(module, "places", lambda *_: BEGIN)
    monkeypatch.setenv("REFTRAIL_WEBHOOKS_PRIVATE_NETWORKS", allowed)
    result = run(store.path, "add", url, "--topics", "rewards")
    assert [webhook.url for webhook in store.all(AT)] == [url]
    assert result.stdout.strip().startswith("whsec_"), "the secret alone"
    if said is None:
        assert "nothing is delivered" not in result.stderr
    else:
        assert said in result.stderr.replace("\n", " ")


def test_networks_that_are_none_are_refused_before_anything_is_added(
    store: WebhookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "places", lambda *_: BEGIN)
    monkeypatch.setenv("REFTRAIL_WEBHOOKS_PRIVATE_NETWORKS", "ten")
    assert "such as 10.0.0.0/8" in refused(store.path, "add", URL, "--topics", "rewards")
    assert list(store.all(AT)) == []


def test_a_list_in_a_narrow_terminal_has_whole_words(store: WebhookStore) -> None:
    webhook_id = store.add(URL, ["rewards", "reward-granted"], BEGIN, AT).webhook_id
    Outbox(store, webhook_id).take_in(
        [Message(LogPlace("rewards", 0, 5), "msg_5", "reward_decided", "{}")], [], 0, AT
    )
    result = CliRunner().invoke(
        command_line(("webhooks",)),
        ["webhooks", "list", "--store", str(store.path)],
        env={"COLUMNS": "80"},
    )
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert lines[1].split()[:4] == [webhook_id, URL, "rewards,", "reward-granted"]
    deliveries = CliRunner().invoke(
        command_line(("webhooks",)),
        ["webhooks", "deliveries", webhook_id, "--store", str(store.path)],
        env={"COLUMNS": "80"},
    )
    assert len(deliveries.stdout.splitlines()) == 2
    assert "reward_decided" in deliveries.stdout


def test_a_mistyped_path_makes_no_store(store: WebhookStore, tmp_path: Path) -> None:
    webhook_id = store.add(URL, ["rewards"], BEGIN, AT).webhook_id
    typo = tmp_path / "typo.sqlite"
    for command in (("list",), ("remove", webhook_id), ("deliveries", webhook_id)):
        assert "there is no store of webhooks" in refused(typo, *command)
    assert not typo.exists()


def test_without_an_option_the_store_is_that_of_the_stack_that_is_up(
    store: WebhookStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id = store.add(URL, ["rewards"], BEGIN, AT).webhook_id
    monkeypatch.delenv("REFTRAIL_WEBHOOKS_STORE", raising=False)
    ready = Ready(
        collector_url="http://c",
        reports_url="http://r",
        bootstrap_servers="nowhere:1",
        secret_key="sk",
        publishable_key="pk",
        topic_prefix="",
        codes_store="sqlite://",
        codes_secret="k:00",
        worker_urls=[],
        group="reftrail",
        partitions=1,
        pid=1,
        pids={},
        webhooks_url="http://w",
        webhooks_store=str(store.path),
    )
    write_ready(tmp_path / "ready.json", ready)
    command = ["webhooks", "list", "--json", "--ready-file", str(tmp_path / "ready.json")]
    assert webhook_id in CliRunner().invoke(command_line(("webhooks",)), command).stdout
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command_line(("webhooks",)), ["webhooks", "list"])
    assert "the store of webhooks is not known; give --store" in str(result.exception)
