"""`reftrail webhooks`: receivers that get records of topics over HTTP."""

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer
from kafka.errors import KafkaError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reftrail.campaigns import time_said
from reftrail.campaigns.units import parse_duration
from reftrail.cli.connection import BootstrapServers, ReadyFile, TopicPrefix, resolve
from reftrail.cli.installation import installation_at
from reftrail.cli.json_output import AsJson, print_json
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation, listed
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now, rfc3339
from reftrail.edge.field_formats import parse_time
from reftrail.local.hosts import THIS_MACHINE
from reftrail.webhooks.guard import Networks
from reftrail.webhooks.log import places
from reftrail.webhooks.model import Delivery, DeliveryState, Webhook
from reftrail.webhooks.outbox import Outbox
from reftrail.webhooks.receivers import check_topics, check_url, undeliverable
from reftrail.webhooks.settings import PRIVATE_NETWORKS, private_networks
from reftrail.webhooks.store import WebhookStore

_WHOLE: Final = frozenset(
    {"webhook_id", "keys", "waiting", "waiting_since", "topic", "type", "state", "at"}
)
"""Columns of lists whose texts stay on one line."""
_NARROWEST: Final = 130
"""Characters of a list's lines at least: in fewer its columns are cut into syllables."""
_NOW: Final = "now"
_BEGINNING: Final = "beginning"

_Store: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        envvar="REFTRAIL_WEBHOOKS_STORE",
        help="The file that the webhooks host has, too; else that of `reftrail up`.",
    ),
]
_Id: TypeAlias = Annotated[str, typer.Argument(help="The webhook's id, such as wh_0a1b2c3d4e5f.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    webhooks = typer.Typer(
        help="Receivers that get records of topics over HTTP.", no_args_is_help=True
    )
    for command in (_add, _list, _remove, _rotate, _deliveries, _replay):
        webhooks.command(command.__name__.removeprefix("_"))(command)
    app.add_typer(webhooks, name="webhooks")


def _add(
    url: Annotated[str, typer.Argument(help="Where to send to: https://shop.example/webhooks.")],
    topics: Annotated[
        list[str], typer.Option(help="Such as reward-granted,attributions; may be repeated.")
    ],
    store: _Store = None,
    begin: Annotated[
        str,
        typer.Option("--from", help="now, beginning, or a time such as 2026-11-01T00:00:00Z."),
    ] = _NOW,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Send the records of topics to URL, and print the secret that signs them.

    An address to which nothing would be sent is added all the same, and said: the host that sends
    has networks of its own to which it may.
    """
    address = check_url(url)
    allowed = _allowed(is_local=store is None)
    names = check_topics(part for text in topics for part in listed(text))
    since = _since(begin)
    installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
    found = _places(installation, names, since)
    with closing(WebhookStore.open(_file(store, ready_file))) as opened:
        webhook = opened.add(address, names, found, now())
    _show(webhook)
    why = undeliverable(address, allowed)
    if why is not None:
        typer.echo(f"nothing is delivered as things are: {why}", err=True)


def _list(store: _Store = None, as_json: AsJson = False, ready_file: ReadyFile = None) -> None:
    """List webhooks: what waits for each, since when, and what it has missed."""
    at = now()
    with closing(WebhookStore.open_existing(_file(store, ready_file))) as opened:
        rows = [_row(opened, webhook) for webhook in opened.all(at)]
    if as_json:
        print_json(rows)
        return
    columns = ("webhook_id", "url", "topics", "keys", "waiting", "waiting_since", "missed")
    _print(columns, rows)


def _remove(webhook_id: _Id, store: _Store = None, ready_file: ReadyFile = None) -> None:
    """Send nothing more to a webhook, and forget its deliveries."""
    with closing(WebhookStore.open_existing(_file(store, ready_file))) as opened:
        opened.remove(webhook_id)
    typer.echo(f"{webhook_id}: removed")


def _rotate(
    webhook_id: _Id,
    store: _Store = None,
    overlap: Annotated[
        str, typer.Option(help="How long the present secret signs beside the new one.")
    ] = "7 days",
    force: Annotated[
        bool, typer.Option("--force", help="Also while the secret before still signs: it ends.")
    ] = False,
    ready_file: ReadyFile = None,
) -> None:
    """Print another secret for a webhook; both sign for a while."""
    try:
        lasting = parse_duration(overlap)
    except ValueError:
        raise ExpectedError(f'{overlap!r} is no duration such as "7 days"') from None
    with closing(WebhookStore.open_existing(_file(store, ready_file))) as opened:
        _show(opened.rotate(webhook_id, lasting, now(), force=force))


def _deliveries(
    webhook_id: _Id,
    store: _Store = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those of this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
    ready_file: ReadyFile = None,
) -> None:
    """List the last deliveries of a webhook, the latest first."""
    with closing(WebhookStore.open_existing(_file(store, ready_file))) as opened:
        opened.find(webhook_id, now())
        rows = [_delivery(delivery) for delivery in Outbox(opened, webhook_id).listed(state, limit)]
    if as_json:
        print_json(rows)
        return
    columns = ("topic", "partition", "offset", "type", "state", "attempts", "at", "detail")
    _print(columns, rows)


def _replay(
    webhook_id: _Id,
    store: _Store = None,
    topic: Annotated[
        str | None, typer.Option(help="Which of its topics. Default: all of them.")
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Which partition.")] = None,
    offset: Annotated[int | None, typer.Option(min=0, help="From which offset on.")] = None,
    since: Annotated[
        str | None, typer.Option(help="From a time on, or from the beginning.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="What has failed, and no more.")] = False,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """Send again: from an offset, from a time, or what has failed; under the same ids."""
    is_offset = offset is not None
    if [is_offset, since is not None, failed].count(True) != 1:
        raise ExpectedError("say from where: --topic, --partition and --offset; --since; --failed")
    if is_offset != (partition is not None) or (is_offset and topic is None):
        raise ExpectedError("an offset is one of a partition: give --topic, --partition, --offset")
    if failed and topic is not None:
        raise ExpectedError("--failed is for all topics of the webhook; leave --topic out")
    with closing(WebhookStore.open_existing(_file(store, ready_file))) as opened:
        webhook = opened.find(webhook_id, now())
        if topic is not None and topic not in webhook.topics:
            raise ExpectedError(
                f"{webhook_id} doesn't get {topic}; it gets {', '.join(webhook.topics)}"
            )
        if failed:
            count = Outbox(opened, webhook_id).retry_failed(now())
            typer.echo(f"{webhook_id}: {count} to be sent again")
            return
        begin: Mapping[tuple[str, int], int]
        if topic is not None and partition is not None and offset is not None:
            _check_read(opened.positions(webhook_id), webhook_id, (topic, partition), offset)
            begin = {(topic, partition): offset}
        else:
            installation = installation_at(bootstrap_servers, topic_prefix, ready_file)
            names = webhook.topics if topic is None else (topic,)
            begin = _places(installation, list(names), _since(since or _BEGINNING))
        taken = opened.move_back(webhook_id, begin)
    for (name, number), first in sorted(taken.items()):
        asked = begin[name, number]
        unread = f" (not {asked}: it hasn't read on to there)" if first < asked else ""
        typer.echo(f"{webhook_id}: {name}/{number} from {first} on{unread}")


def _allowed(*, is_local: bool) -> Networks:
    """The private networks that the sending host allows, as far as they are known here."""
    try:
        return private_networks(os.environ.get(PRIVATE_NETWORKS, THIS_MACHINE if is_local else ""))
    except ValueError as error:
        raise ExpectedError(f"{PRIVATE_NETWORKS}: {error}; give some such as 10.0.0.0/8") from error


def _file(store: Path | None, ready_file: Path | None) -> Path:
    """The file of webhooks. Raises `ExpectedError` where nothing says which it is."""
    known = resolve(ready_file).webhooks_store if store is None else store
    if known is None:
        raise ExpectedError(
            "the store of webhooks is not known; give --store, set REFTRAIL_WEBHOOKS_STORE, or "
            "start a local stack with: reftrail up"
        )
    return Path(known)


def _check_read(
    positions: Mapping[tuple[str, int], int], webhook_id: str, at: tuple[str, int], offset: int
) -> None:
    """Refuse an offset that a webhook hasn't read so far: it is sent without being asked for."""
    topic, partition = at
    if at not in positions:
        known = ", ".join(str(number) for name, number in sorted(positions) if name == topic)
        raise ExpectedError(
            f"{webhook_id} has read nothing of {topic}/{partition}; give one of the partitions "
            f"that it reads: {known or 'none so far'}"
        )
    if offset > positions[at]:
        raise ExpectedError(
            f"{webhook_id} has read {topic}/{partition} up to {positions[at]}, and {offset} lies "
            f"beyond: what comes from there on is sent anyway; give an offset up to {positions[at]}"
        )


def _since(text: str) -> Millis | None:
    """The time of a word or a text; None for now."""
    if text == _NOW:
        return None
    try:
        return 0 if text == _BEGINNING else parse_time(text)
    except ValueError as error:
        raise ExpectedError(f"{text!r} {error}, such as 2026-11-01T00:00:00Z") from error


def _places(
    installation: Installation, topics: list[str], since: Millis | None
) -> dict[tuple[str, int], int]:
    try:
        return places(installation, topics, since)
    except KafkaError as error:
        raise ExpectedError(
            f"Kafka at {installation.bootstrap_servers} doesn't say where its topics end: {error!r}"
        ) from error


def _show(webhook: Webhook) -> None:
    """The secret alone on stdout, so that a script can take it from there."""
    key = webhook.keys[0]
    typer.echo(f"{webhook.webhook_id} sends to {webhook.url}; its secret {key.key_id}:", err=True)
    typer.echo(key.secret)


def _row(store: WebhookStore, webhook: Webhook) -> dict[str, Any]:
    waiting = Outbox(store, webhook.webhook_id).waiting()
    return {
        "webhook_id": webhook.webhook_id,
        "url": webhook.url,
        "topics": ", ".join(webhook.topics),
        "keys": ", ".join(key.key_id for key in webhook.keys),
        "waiting": waiting.number,
        "waiting_since": None if waiting.since is None else time_said(waiting.since),
        "missed": webhook.note,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        **delivery.place._asdict(),
        "message_id": delivery.message_id,
        "type": delivery.kind,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "taken_at": rfc3339(delivery.taken_at),
        "at": rfc3339(delivery.due_at),
        "detail": delivery.detail,
    }


def _print(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        is_whole = column in _WHOLE
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=is_whole)
    for row in rows:
        values = (row[column] for column in columns)
        table.add_row(*(Text("-" if value is None else str(value)) for value in values))
    Console(width=max(Console().width, _NARROWEST)).print(table)
