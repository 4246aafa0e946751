"""The hosts of a local stack: how each is started, and how one knows that it serves."""

import hashlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from ssl import SSLContext
from typing import Final

import httpx

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.local.broker import (
    broker_answers,
    broker_command,
    why_broker_ended,
)
from reftrail.local.broker_configuration import BrokerSettings
from reftrail.local.data_dir import Keys
from reftrail.local.ports import LOOPBACK
from reftrail.local.private_files import write_private
from reftrail.local.process import Command
from reftrail.local.supervisor import Host

BROKER: Final = "broker"
CODES: Final = "codes"
COLLECTOR: Final = "collector"
FULFILMENT: Final = "fulfilment"
PARTNERS: Final = "partners"
WAREHOUSE: Final = "warehouse"
WEBHOOKS: Final = "webhooks"

THIS_MACHINE: Final = "127.0.0.0/8,::1/128"
_SECRETS: Final = (
    "carrier_key",
    "clickhouse_url",
    "codes_secret",
    "codes_store",
    "former_hash_key",
    "fulfilment_carrier_key",
    "fulfilment_signing_secrets",
    "hash_key",
    "kafka_password",
    "publishable_keys",
    "reports_key",
    "secret_key",
    "secret_keys",
    "warehouse_session_secret",
)


@dataclass(frozen=True, slots=True)
class StackConfig:
    """Settings that all hosts of one stack share; group is the workers' consumer group."""

    directory: Path
    installation: Installation
    keys: Keys
    group: str

    def log(self, name: str) -> Path:
        """The file for a host's output."""
        return self.directory / "logs" / f"{name}.log"

    @property
    def codes_store(self) -> str:
        """The database of codes, as an SQLAlchemy URL."""
        return f"sqlite:///{self.directory.absolute() / 'codes.sqlite'}"

    @property
    def webhooks_store(self) -> Path:
        """The file of webhooks."""
        return self.directory.absolute() / "webhooks.sqlite"

    @property
    def session_secret(self) -> str:
        """The secret of the dashboard's sessions."""
        return hashlib.sha256(f"sessions\0{self.keys.secret_key}".encode()).hexdigest()

    @property
    def partners_secret(self) -> str:
        """The secrets that fulfilment shares with its simulated partners."""
        return hashlib.sha256(f"simulated partners\0{self.keys.secret_key}".encode()).hexdigest()

    def environment(self, **more: str | None) -> dict[str, str | None]:
        """The variables of a host, REFTRAIL_ before each name; one of None is not to be set.

        Secrets that the host isn't given are kept from it, also those of this process.
        """
        shared: dict[str, str | None] = {
            **dict.fromkeys(_SECRETS),
            "bootstrap_servers": self.installation.bootstrap_servers,
            "topic_prefix": self.installation.topic_prefix,
            "kafka_security_protocol": self.installation.kafka_security_protocol,
        }
        settings = {**shared, **more}
        variables = {f"REFTRAIL_{name.upper()}": value for name, value in settings.items()}
        # So that SIGABRT has a host that hangs write its stacks to its log.
        return {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **variables}


def worker_name(number: int) -> str:
    """The name of the nth worker, from 1."""
    return f"worker-{number}"


def url_of(port: int) -> str:
    """The base URL of a host on this machine."""
    return f"http://{LOOPBACK}:{port}"


def broker_host(settings: BrokerSettings) -> Host:
    """Apache Kafka. Raises `ExpectedError` when its directory can't be prepared."""
    return Host(
        name=BROKER,
        command=broker_command(settings),
        answers=lambda: broker_answers(settings),
        explain=lambda output: why_broker_ended(settings, output),
        grace=20.0,
        needs=(),
        dump_signal=signal.SIGQUIT,  # has Java print all stacks
    )


def codes_host(stack: StackConfig, port: int) -> Host:
    """Sends what happens to codes to Kafka, and gives codes to those who sign up."""
    return _python_host(
        CODES,
        ("-m", "reftrail.codes"),
        stack,
        port,
        group=stack.group,
        codes_host=LOOPBACK,
        codes_port=str(port),
        codes_store=stack.codes_store,
        codes_secret=stack.keys.codes_secret,
    )


def collector_host(stack: StackConfig, port: int, reports_port: int) -> Host:
    """Takes events in over HTTP, and serves the API for codes; counters come from the reports."""
    return _python_host(
        COLLECTOR,
        ("-m", "reftrail.collector"),
        stack,
        port,
        collector_host=LOOPBACK,
        collector_port=str(port),
        secret_keys=stack.keys.secret_key,
        publishable_keys=stack.keys.publishable_key,
        hash_key=stack.keys.hash_key,
        former_hash_key=former_hash_key(stack.keys),
        codes_store=stack.codes_store,
        codes_secret=stack.keys.codes_secret,
        reports_url=url_of(reports_port),
    )


def former_hash_key(keys: Keys) -> str | None:
    """The hash key before the one in keys.json, while it is being changed. Raises `ExpectedError`.

    REFTRAIL_HASH_KEY isn't read: one that is set for other commands would change the key for good.
    """
    former = os.environ.get("REFTRAIL_FORMER_HASH_KEY")
    if former and former.partition(":")[0] == keys.hash_key.partition(":")[0]:
        raise ExpectedError(
            "REFTRAIL_FORMER_HASH_KEY has the id of hash_key in keys.json of the data directory, "
            "from where a local stack takes it; put the new key there, under an id of its own"
        )
    return former


def worker_host(stack: StackConfig, number: int, port: int) -> Host:
    """The nth worker of the stages; its web page is on the port."""
    return _python_host(
        worker_name(number),
        ("-m", "reftrail.cli.main", "worker"),
        stack,
        port,
        group=stack.group,
        worker_state_dir=str(stack.directory.absolute() / "worker-state"),
        worker_web_host=LOOPBACK,
        worker_web_port=str(port),
    )


def warehouse_host(stack: StackConfig, port: int, collector_port: int) -> Host:
    """Puts all public topics into an embedded ClickHouse, serves the reports and the dashboard.

    Decisions of reviewers go to the collector.
    """
    return _python_host(
        WAREHOUSE,
        ("-m", "reftrail.warehouse"),
        stack,
        port,
        reports_host=LOOPBACK,
        reports_port=str(port),
        secret_keys=stack.keys.secret_key,
        clickhouse_path=str(stack.directory / "clickhouse"),
        warehouse_session_secret=stack.session_secret,
        collector_url=url_of(collector_port),
    )


def webhooks_host(stack: StackConfig, port: int) -> Host:
    """Sends records of topics to the webhooks in its store; on this machine, too, if not told."""
    networks = os.environ.get("REFTRAIL_WEBHOOKS_PRIVATE_NETWORKS", THIS_MACHINE)
    return _python_host(
        WEBHOOKS,
        ("-m", "reftrail.webhooks"),
        stack,
        port,
        webhooks_host=LOOPBACK,
        webhooks_port=str(port),
        webhooks_store=str(stack.webhooks_store),
        webhooks_private_networks=networks,
    )


def partners_host(stack: StackConfig, port: int) -> Host:
    """Simulates those whom fulfilment asks: a receiver of webhooks, and a carrier."""
    return _python_host(
        PARTNERS,
        ("-m", "reftrail.fulfilment.partners"),
        stack,
        port,
        partners_host=LOOPBACK,
        partners_port=str(port),
        partners_signing_secrets=stack.partners_secret,
        partners_carrier_key=stack.partners_secret,
    )


def fulfilment_host(stack: StackConfig, port: int, partners_port: int) -> Host:
    """Has granted rewards carried out: by whom the environment names, else by the partners.

    Codes come from gift-codes.txt in the stack's directory, unless another file is named.
    """
    url, secret = url_of(partners_port), stack.partners_secret
    return _python_host(
        FULFILMENT,
        ("-m", "reftrail.fulfilment"),
        stack,
        port,
        fulfilment_host=LOOPBACK,
        fulfilment_port=str(port),
        fulfilment_group=f"{stack.group}-fulfilment",
        fulfilment_journal=str(stack.directory / "fulfilment.sqlite"),
        **_unless_set({"fulfilment_webhook_url": url, "fulfilment_signing_secrets": secret}),
        **_unless_set({"fulfilment_carrier_url": url, "fulfilment_carrier_key": secret}),
        **_unless_set({"fulfilment_codes_file": str(_codes_file(stack.directory))}),
    )


def _unless_set(settings: Mapping[str, str]) -> Mapping[str, str | None]:
    """Settings that belong together, or what the environment has if it has one of them."""
    given = {name: os.environ.get(f"REFTRAIL_{name.upper()}") for name in settings}
    return given if any(given.values()) else settings


def _codes_file(directory: Path) -> Path:
    """The file of codes to hand out; at first there are none."""
    path = directory / "gift-codes.txt"
    if not path.exists():
        write_private(path, "# Codes to hand out once each, one a line: CODE or CODE,ITEM\n")
    return path


def _python_host(
    name: str, arguments: tuple[str, ...], stack: StackConfig, port: int, **settings: str | None
) -> Host:
    return Host(
        name=name,
        command=Command(
            arguments=(sys.executable, *arguments),
            log=stack.log(name),
            environment=stack.environment(**settings),
        ),
        answers=lambda: is_ready(url_of(port)),
        needs=(BROKER,),
    )


def is_ready(base_url: str) -> bool:
    """Whether a host says of itself that it serves."""
    try:
        return httpx.get(f"{base_url}/readyz", timeout=2.0, verify=_trusted()).is_success
    except httpx.HTTPError:
        return False


@cache
def _trusted() -> SSLContext:
    """Made once: it takes tens of milliseconds, away from the hosts that begin meanwhile."""
    return httpx.create_ssl_context()
