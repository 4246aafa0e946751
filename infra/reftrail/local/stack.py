"""The local stack: broker, topics, codes, collector, workers, warehouse on one data directory."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.local.broker import broker_settings
from reftrail.local.data_dir import keys_of, locked_data_dir
from reftrail.local.hosts import (
    BROKER,
    StackConfig,
    broker_host,
    codes_host,
    collector_host,
    fulfilment_host,
    partners_host,
    url_of,
    warehouse_host,
    webhooks_host,
    worker_host,
)
from reftrail.local.ports import free_port, port_for
from reftrail.local.ready import (
    DEFAULT_DATA_DIR,
    READY_FILE,
    Ready,
    local_installation,
    remove_ready,
    write_ready,
)
from reftrail.local.supervisor import Host, Supervisor
from reftrail.local.topics import create_topics, partition_count

_READY_WITHIN: Final = 90.0
_DEFAULT_PARTITIONS: Final = 8


@dataclass(frozen=True, slots=True)
class StackSettings:
    """The parts of a stack and their places.

    A port of None: a free one. partitions None: as they are, or 8.

    ready_file is written beside the one that is always there, `ready.json` in the data directory.
    fulfilment: also carry granted rewards out. webhooks: also send webhooks. restart_after: seconds
    after which a host that was ready and isn't any more is restarted; 0: never.
    """

    data_dir: Path = DEFAULT_DATA_DIR
    ready_file: Path | None = None
    workers: int = 1
    partitions: int | None = None
    collector_port: int | None = None
    reports_port: int | None = None
    broker_port: int | None = None
    group: str = "reftrail"
    fulfilment: bool = False
    webhooks: bool = False
    restart_after: float = 300.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The addresses of the hosts other than the broker."""

    collector: int
    reports: int
    codes: int
    workers: tuple[int, ...]
    fulfilment: tuple[int, int] | None = None
    webhooks: int | None = None

    @classmethod
    def of(cls, settings: StackSettings) -> Self:
        """The ports given, and free ones. Raises `ExpectedError` if one is in use."""
        return cls(
            collector=port_for("the collector", settings.collector_port),
            reports=port_for("the reports", settings.reports_port),
            codes=free_port(),
            workers=tuple(free_port() for _ in range(settings.workers)),
            fulfilment=(free_port(), free_port()) if settings.fulfilment else None,
            webhooks=free_port() if settings.webhooks else None,
        )


def all_hosts(stack: StackConfig, ports: Ports) -> list[Host]:
    """Every host that works on the broker's topics."""
    return [
        codes_host(stack, ports.codes),
        collector_host(stack, ports.collector, ports.reports),
        *(worker_host(stack, n, port) for n, port in enumerate(ports.workers, start=1)),
        warehouse_host(stack, ports.reports, ports.collector),
        *(_fulfilment_hosts(stack, *ports.fulfilment) if ports.fulfilment else ()),
        *((webhooks_host(stack, ports.webhooks),) if ports.webhooks else ()),
    ]


def _fulfilment_hosts(stack: StackConfig, port: int, partners_port: int) -> list[Host]:
    return [partners_host(stack, partners_port), fulfilment_host(stack, port, partners_port)]


class Stack:
    """A running local stack; a context manager that starts it and, at the end, stops it.

    Once entered, everything answers and `ready` says where. A host that dies is started again,
    the broker too, and `say` reports it. Nothing of it outlives this process.
    """

    def __init__(
        self,
        settings: StackSettings,
        say: Callable[[str], None] = print,
        hosts: Callable[[StackConfig, Ports], Sequence[Host]] = all_hosts,
    ) -> None:
        self.settings = settings
        self._say = say
        self._hosts = hosts
        self._supervisor: Supervisor
        self._ready: Ready | None = None
        self._to_undo = ExitStack()

    @property
    def ready(self) -> Ready:
        """The addresses, keys and processes as of now."""
        assert self._ready is not None, "the stack has not been started"
        return msgspec.structs.replace(self._ready, pids=self._supervisor.pids())

    @property
    def installation(self) -> Installation:
        """The stack's Kafka and topics."""
        ready = self.ready
        return local_installation(ready.bootstrap_servers, ready.topic_prefix)

    @property
    def failure(self) -> Exception | None:
        """The reason for which the stack has given up; None while it runs."""
        return self._supervisor.failure

    def pid(self, name: str) -> int:
        """The process of a host (broker, codes, collector, worker-1, ..., warehouse).

        Raises `LookupError` while it waits to be started again.
        """
        return self._supervisor.pid(name)

    def kill(self, name: str) -> int:
        """Kill -9 for a host and what it started; it is started again soon. Returns its pid.

        Raises `LookupError` while it waits to be started again.
        """
        return self._supervisor.kill(name)

    def wait_until_ready(self, timeout: float = _READY_WITHIN) -> None:
        """Wait until all hosts answer, after some were killed. Raises `ExpectedError`."""
        self._supervisor.wait_until_ready(self._supervisor.names(), timeout)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._start(undo)
            self._to_undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._to_undo.close()

    def _start(self, undo: ExitStack) -> None:
        directory = undo.enter_context(locked_data_dir(self.settings.data_dir))
        for path in self._ready_files():
            remove_ready(path)  # left by a stack that was killed
            undo.callback(remove_ready, path)
        keys = keys_of(directory)
        ports = Ports.of(self.settings)
        self._supervisor = Supervisor(
            self._say,
            changed=self._write_ready_files,
            hang_after=self.settings.restart_after,
        )
        undo.callback(self._supervisor.stop, last=[BROKER])

        installation = self._start_broker(directory)
        partitions = self._create_topics(installation)
        stack = StackConfig(directory, installation, keys, self.settings.group)
        self._start_hosts(stack, ports)
        self._ready = Ready(
            collector_url=url_of(ports.collector),
            reports_url=url_of(ports.reports),
            bootstrap_servers=installation.bootstrap_servers,
            secret_key=keys.secret_key,
            publishable_key=keys.publishable_key,
            topic_prefix=installation.topic_prefix,
            codes_store=stack.codes_store,
            codes_secret=keys.codes_secret,
            worker_urls=[url_of(port) for port in ports.workers],
            group=self.settings.group,
            partitions=partitions,
            pid=os.getpid(),
            pids={},
            hash_key=keys.hash_key,
            fulfilment_url=url_of(ports.fulfilment[0]) if ports.fulfilment else None,
            webhooks_url=url_of(ports.webhooks) if ports.webhooks else None,
            webhooks_store=str(stack.webhooks_store) if ports.webhooks else None,
        )
        self._write_ready_files()

    def _start_broker(self, directory: Path) -> Installation:
        settings = broker_settings(
            directory / "broker",
            log=directory / "logs" / "broker.log",
            port=self.settings.broker_port,
        )
        self._say("starting broker (on its first start on a machine it is downloaded, 45 MB)")
        self._supervisor.add(broker_host(settings))
        self._supervisor.start_watching()
        self._supervisor.wait_until_ready([BROKER], _READY_WITHIN)
        return local_installation(settings.bootstrap_servers)

    def _create_topics(self, installation: Installation) -> int:
        there = partition_count(installation)
        partitions = self.settings.partitions or there or _DEFAULT_PARTITIONS
        if self.settings.workers > partitions:
            raise ExpectedError(
                f"{self.settings.workers} workers need at least as many partitions, but there "
                f"are {partitions}; give fewer workers, or more partitions on a new directory"
            )
        create_topics(installation, partitions)
        return partitions

    def _start_hosts(self, stack: StackConfig, ports: Ports) -> None:
        hosts = self._hosts(stack, ports)
        self._say(f"starting {', '.join(host.name for host in hosts)}")
        for host in hosts:
            self._supervisor.add(host)
        self.wait_until_ready()

    def _ready_files(self) -> list[Path]:
        given = self.settings.ready_file
        return [self.settings.data_dir.absolute() / READY_FILE, *([given] if given else [])]

    def _write_ready_files(self) -> None:
        """Write what is known now; called again whenever a host has another process."""
        if self._ready is not None:
            for path in self._ready_files():
                write_ready(path, self.ready)
