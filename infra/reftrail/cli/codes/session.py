"""Session of the commands about codes: the store, actor and reason, and the wait for Kafka.

    @asking
    def show(session: Session, code: ...) -> None: ...

    @acting
    def revoke(session: Acting, code: ...) -> None: ...

Either adds the options of the connection, `acting` also --reason and --actor; and once the command
is through, it waits until Kafka has what was done.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import typer

from reftrail.cli.actor import Actor, whoever_is_here
from reftrail.cli.codes.sending import wait_until_sent
from reftrail.cli.connection import (
    BootstrapServers,
    CodesSecret,
    CodesStore,
    CollectorUrl,
    Connection,
    ReadyFile,
    ReportsUrl,
    SecretKey,
    TopicPrefix,
    resolve,
)
from reftrail.codes.formats.secrets import parse_master_secret
from reftrail.codes.model import By
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store

Reason = Annotated[str | None, typer.Option(help="Why; it is kept in the audit log.")]


@dataclass(frozen=True, slots=True)
class Session:
    """An open store, and where the rest is."""

    connection: Connection
    store: Store
    service: CodeService


@dataclass(frozen=True, slots=True)
class Acting(Session):
    """The same for somebody who does something."""

    by: By


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """A command that changes nothing."""

    def run(given: dict[str, Any], own: dict[str, Any]) -> None:
        with _opened(resolve(**given)) as session:
            command(session, **own)

    return _with_options(command, _connection, run)


def acting(command: Callable[..., None]) -> Callable[..., None]:
    """A command that does something to codes."""

    def run(given: dict[str, Any], own: dict[str, Any]) -> None:
        reason, actor = given.pop("reason"), given.pop("actor")
        with _opened(resolve(**given)) as found:
            by = By(actor=actor or whoever_is_here(), reason=reason)
            session = Acting(found.connection, found.store, found.service, by)
            try:
                command(session, **own)
            except typer.Exit:  # it did something, and says with an exit code what it left out
                wait_until_sent(found.store, found.connection)
                raise
            wait_until_sent(found.store, found.connection)

    return _with_options(command, _connection_and_actor, run)


@contextmanager
def _opened(connection: Connection) -> Iterator[Session]:
    given = connection.codes_secret
    secret = parse_master_secret(given) if given else None
    store = Store.open(connection.codes_store)
    try:
        yield Session(connection, store, CodeService(store, secret=secret))
    finally:
        store.close()


def _connection(
    codes_store: CodesStore = None,
    codes_secret: CodesSecret = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    collector_url: CollectorUrl = None,
    reports_url: ReportsUrl = None,
    secret_key: SecretKey = None,
    ready_file: ReadyFile = None,
) -> None:
    """The options of every command."""


def _connection_and_actor(
    reason: Reason = None,
    actor: Actor = None,
    codes_store: CodesStore = None,
    codes_secret: CodesSecret = None,
    bootstrap_servers: BootstrapServers = None,
    topic_prefix: TopicPrefix = None,
    ready_file: ReadyFile = None,
) -> None:
    """The options of every command that acts."""


def _with_options(
    command: Callable[..., None],
    options: Callable[..., None],
    run: Callable[[dict[str, Any], dict[str, Any]], None],
) -> Callable[..., None]:
    """A command as Typer reads it: its own parameters but the session, then the options."""
    _, *own = inspect.signature(command).parameters.values()
    shared = inspect.signature(options).parameters
    keyword = inspect.Parameter.KEYWORD_ONLY

    @wraps(command)
    def with_options(**given: Any) -> None:
        run({name: given.pop(name) for name in shared}, given)

    parameters = [parameter.replace(kind=keyword) for parameter in (*own, *shared.values())]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {
        parameter.name: parameter.annotation for parameter in parameters
    }
    return with_options
