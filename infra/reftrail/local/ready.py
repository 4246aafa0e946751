"""The file by which a running local stack tells where it answers, and with which keys."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import DEFAULT_PREFIX

READY_FILE: Final = "ready.json"
DEFAULT_DATA_DIR: Final = Path(".data")


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses, keys and processes of a running stack.

    codes_store is the database of codes, as an SQLAlchemy URL; codes_secret makes derived ones.
    fulfilment_url is None where rewards aren't carried out; webhooks_url, and webhooks_store, their
    file, where no webhooks are sent.

    pids are the processes of the hosts by name, as they are now: the file is written anew when a
    host is started again. pid is the stack's own.
    """

    collector_url: str
    reports_url: str
    bootstrap_servers: str
    secret_key: str
    publishable_key: str
    topic_prefix: str
    codes_store: str
    codes_secret: str
    worker_urls: list[str]
    group: str
    partitions: int
    pid: int
    pids: dict[str, int]
    hash_key: str | None = None
    fulfilment_url: str | None = None
    webhooks_url: str | None = None
    webhooks_store: str | None = None


def local_installation(bootstrap_servers: str, topic_prefix: str = DEFAULT_PREFIX) -> Installation:
    """The Kafka of a local stack, without the security settings that the environment may have."""
    return Installation(
        bootstrap_servers=bootstrap_servers,
        topic_prefix=topic_prefix,
        kafka_security_protocol="PLAINTEXT",
    )


def write_ready(path: Path, ready: Ready) -> None:
    """Put the file in place in one step, readable by its owner alone: it holds keys."""
    text = msgspec.json.format(msgspec.json.encode(ready), indent=2) + b"\n"
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            beside.unlink()
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(text)
        beside.replace(path)
    except OSError as error:
        raise ExpectedError(f"cannot write the ready file {path}: {error.strerror}") from error


def read_ready(path: Path) -> Ready:
    """The contents of the ready file.

    Raises `ExpectedError` when it isn't there or isn't such a file.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ready)
    except FileNotFoundError as error:
        raise ExpectedError(
            f"there is no {path}; start the stack with: reftrail up --data {path.parent}"
        ) from error
    except OSError as error:
        raise ExpectedError(f"cannot read the ready file {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ExpectedError(f"{path} is not a ready file of this version: {error}") from error


def remove_ready(path: Path) -> None:
    """Take the file away; the stack it described no longer answers."""
    with suppress(FileNotFoundError):
        path.unlink()
