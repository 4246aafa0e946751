"""Addresses and keys of the services: flags, else environment, else the ready file.

A command takes the options that it needs and resolves them:

    def report(reports_url: ReportsUrl = None, ready_file: ReadyFile = None) -> None:
        connection = resolve(ready_file=ready_file, reports_url=reports_url)
        fetch(connection.reports_url)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

import msgspec
import typer

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import DEFAULT_PREFIX
from reftrail.local.ready import DEFAULT_DATA_DIR, READY_FILE, local_installation, read_ready

_GROUP: Final = "Connection"

CollectorUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The collector's address.", envvar="REFTRAIL_COLLECTOR_URL", rich_help_panel=_GROUP
    ),
]
ReportsUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The reports API's address.", envvar="REFTRAIL_REPORTS_URL", rich_help_panel=_GROUP
    ),
]
BootstrapServers: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Kafka brokers, HOST:PORT,...",
        envvar="REFTRAIL_BOOTSTRAP_SERVERS",
        rich_help_panel=_GROUP,
    ),
]
TopicPrefix: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="What the topics' names begin with.",
        envvar="REFTRAIL_TOPIC_PREFIX",
        rich_help_panel=_GROUP,
    ),
]
SecretKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Key for servers; better given by the variable than on the command line.",
        envvar="REFTRAIL_SECRET_KEY",
        rich_help_panel=_GROUP,
    ),
]
PublishableKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Key for browsers and apps.",
        envvar="REFTRAIL_PUBLISHABLE_KEY",
        rich_help_panel=_GROUP,
    ),
]
CodesStore: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The database of codes, as an SQLAlchemy URL.",
        envvar="REFTRAIL_CODES_STORE",
        rich_help_panel=_GROUP,
    ),
]
CodesSecret: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="What derived codes follow from; better given by the variable.",
        envvar="REFTRAIL_CODES_SECRET",
        rich_help_panel=_GROUP,
    ),
]
HashKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The collector's key for pseudonyms; better given by the variable.",
        envvar="REFTRAIL_HASH_KEY",
        rich_help_panel=_GROUP,
    ),
]
ReadyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help=f"What `reftrail up` wrote; else {DEFAULT_DATA_DIR / READY_FILE}.",
        envvar="REFTRAIL_READY_FILE",
        rich_help_panel=_GROUP,
    ),
]


@dataclass(frozen=True, slots=True)
class Connection:
    """The known facts of an installation. A property raises `ExpectedError` if it isn't known."""

    _known: Mapping[str, str]
    _has_local_kafka: bool = False

    @property
    def installation(self) -> Installation:
        """Kafka and its topics; how to log in is for the environment to say.

        The Kafka of a local stack, known from its ready file, asks for no login.
        """
        if self._has_local_kafka:
            return local_installation(self.bootstrap_servers, self.topic_prefix)
        return Installation(
            bootstrap_servers=self.bootstrap_servers, topic_prefix=self.topic_prefix
        )

    @property
    def collector_url(self) -> str:
        """The collector's base URL, without a slash at the end."""
        return self._address("collector_url")

    @property
    def reports_url(self) -> str:
        """The reports API's base URL, without a slash at the end."""
        return self._address("reports_url")

    @property
    def bootstrap_servers(self) -> str:
        """Kafka brokers, comma separated."""
        return self._get("bootstrap_servers")

    @property
    def secret_key(self) -> str:
        """The key under which a server may send everything."""
        return self._key("secret_key")

    @property
    def publishable_key(self) -> str:
        """The key under which a browser or app may send views, clicks and forms."""
        return self._key("publishable_key")

    @property
    def codes_store(self) -> str:
        """The database of codes, as an SQLAlchemy URL."""
        return self._get("codes_store")

    @property
    def webhooks_store(self) -> str | None:
        """The file of webhooks; None where no local stack sends any."""
        return self._known.get("webhooks_store")

    @property
    def codes_secret(self) -> str | None:
        """The secret of derived codes; not everyone who deals with codes has it."""
        return self._known.get("codes_secret")

    @property
    def hash_key(self) -> str | None:
        """The collector's key for pseudonyms; not everyone who writes lists has it."""
        return self._known.get("hash_key")

    @property
    def topic_prefix(self) -> str:
        """The prefix of topics."""
        return self._known.get("topic_prefix", DEFAULT_PREFIX)

    def _address(self, name: str) -> str:
        url = self._get(name).rstrip("/")
        if not _is_address(url):
            raise ExpectedError(
                f"the {_words(name)} is {url!r}; give an address like http://127.0.0.1:8080"
            )
        return url

    def _key(self, name: str) -> str:
        """A key without white space around it, which a file may have; no error shows it."""
        key = self._get(name).strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ExpectedError(
                f"the {_words(name)} has characters that no key has, such as white space or a "
                f"quotation mark of a text program; set REFTRAIL_{name.upper()} to the key alone"
            )
        return key

    def _get(self, name: str) -> str:
        if name in self._known:
            return self._known[name]
        raise ExpectedError(
            f"the {_words(name)} is not known; give --{name.replace('_', '-')}, set "
            f"REFTRAIL_{name.upper()}, or start a local stack with: reftrail up"
        )


def _words(name: str) -> str:
    return name.replace("_", " ").replace("url", "URL")


def _is_address(url: str) -> bool:
    """Whether a text is the address of an HTTP server; it may have a path, as behind a proxy."""
    try:
        parts = urlsplit(url)
        is_complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(is_complete) and url.isprintable() and " " not in url


def resolve(ready_file: Path | None = None, **given: str | None) -> Connection:
    """A connection of what was given (by flag or environment) and is else in the ready file.

    given has a Connection's properties as its names. Raises `ExpectedError` when a ready file was
    asked for that isn't there; without one, `.data/ready.json` is used where it exists.
    """
    path = ready_file or DEFAULT_DATA_DIR / READY_FILE
    known = _from(path) if ready_file or path.exists() else {}
    chosen = {name: value for name, value in given.items() if value}
    return Connection({**known, **chosen}, "bootstrap_servers" not in chosen)


def _from(path: Path) -> dict[str, str]:
    stack = msgspec.structs.asdict(read_ready(path))
    return {name: value for name, value in stack.items() if isinstance(value, str)}
