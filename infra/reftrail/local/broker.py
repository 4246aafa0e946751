"""A real Apache Kafka broker on this machine: one node, KRaft, on a directory that it keeps."""

import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kafka.errors import KafkaError

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.kafka.blocking import blocking_admin
from reftrail.local.broker_configuration import BrokerSettings, write_configuration
from reftrail.local.data_dir import locked_data_dir
from reftrail.local.jars import classpath, java
from reftrail.local.ports import answers, free_port, port_for
from reftrail.local.private_files import PRIVATE_UMASK
from reftrail.local.process import Child, Command
from reftrail.local.process_reaper import ProcessReaper
from reftrail.local.ready import local_installation

_CLUSTER_ID: Final = "reftrail-local-node-01"  # any 22 characters of base64url
_STOP_GRACE: Final = 20.0
_START_TIMEOUT: Final = 90.0

_QUICK_COMPILER: Final = ("-XX:TieredStopAtLevel=1",)
"""Java's first compiler alone. The optimizing one takes seconds of processor time in the broker's
first minutes, on cores that all hosts of this machine share (ADR 38)."""

# What the log of a broker that did not start is searched for, and what that means.
_CAUSES: Final = (
    ("No space left on device", "the disk is full; make room under {data_dir}, then start again"),
    ("Address already in use", "port {port} is in use; stop what holds it or give another port"),
    ("Permission denied", "{data_dir} cannot be written to; change its owner or rights"),
    ("Failed to acquire lock", "another broker runs on {data_dir}; stop it first"),
    ("OutOfMemoryError", "the broker ran out of memory (its heap is {heap}); free some memory"),
)


def broker_settings(
    data_dir: Path, *, log: Path | None = None, port: int | None = None
) -> BrokerSettings:
    """Settings on free ports; the port may be given. Raises `ExpectedError` if it is in use."""
    return BrokerSettings(
        data_dir=data_dir.absolute(),
        log=log or data_dir.absolute() / "broker.log",
        port=port_for("the broker", port),
        controller_port=free_port(),
    )


def broker_command(settings: BrokerSettings) -> Command:
    """The command that runs a broker; formats the directory first where it is new.

    Raises `ExpectedError` when the directory cannot be used.
    """
    properties = write_configuration(settings)
    if not (settings.data_dir / "log" / "meta.properties").exists():
        _format(settings, properties)
    return Command(
        arguments=(
            java(),
            f"-Xmx{settings.heap}",
            "-Xms256m",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            *_QUICK_COMPILER,
            f"-Dlog4j2.configurationFile={settings.logging}",
            "-cp",
            classpath(),
            "kafka.Kafka",
            str(properties),
        ),
        log=settings.log,
    )


def broker_answers(settings: BrokerSettings) -> bool:
    """Whether the broker serves requests, not just its port."""
    if not answers(settings.port):
        return False
    try:
        admin = blocking_admin(
            local_installation(settings.bootstrap_servers), bootstrap_timeout_ms=5_000
        )
    except KafkaError:
        return False
    try:
        return bool(admin.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        admin.close()


def why_broker_ended(settings: BrokerSettings, output: str) -> str:
    """Advice to a person about a broker that ended, from what it wrote."""
    for sign, meaning in _CAUSES:
        if sign in output:
            return meaning.format(
                data_dir=settings.data_dir, port=settings.port, heap=settings.heap
            )
    return f"the reason is at the end of {settings.log}"


class Broker:
    """One broker as a child of this process, for those who need Kafka and nothing else.

    A context manager that starts it and, at the end, stops it. Started again on the same
    directory, it has all its data and the same port. Ends with this process, even when that is
    killed.
    """

    def __init__(
        self, data_dir: Path, port: int | None = None, properties: Mapping[str, str] | None = None
    ) -> None:
        self.settings = replace(broker_settings(data_dir, port=port), properties=properties or {})
        self._reaper: ProcessReaper
        self._child: Child | None = None
        self._held = ExitStack()

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients."""
        return self.settings.bootstrap_servers

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        assert self._child is not None, "the broker does not run"
        return self._child.pid

    def start(self) -> None:
        """Start it again and wait until it answers. Raises `ExpectedError` if it doesn't."""
        self._child = Child(broker_command(self.settings), self._reaper)
        try:
            self._wait(self._child)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Shut it down in order; does nothing if it doesn't run."""
        if self._child is not None:
            self._child.stop(_STOP_GRACE)
            self._child = None

    def kill(self) -> None:
        """Kill -9; does nothing if it doesn't run."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _wait(self, child: Child) -> None:
        until = time.monotonic() + _START_TIMEOUT
        while not broker_answers(self.settings):
            if child.exit_code() is not None:
                why = why_broker_ended(self.settings, child.output())
                raise ExpectedError(f"the broker ended while starting: {why}")
            if time.monotonic() > until:
                raise ExpectedError(
                    f"the broker did not answer within {_START_TIMEOUT:.0f} s; "
                    f"see the end of {self.settings.log}"
                )
            time.sleep(0.05)

    def __enter__(self) -> Self:
        with ExitStack() as held:
            # Kafka's own lock comes too late: by then it has written to the metadata log.
            held.enter_context(locked_data_dir(self.settings.data_dir))
            self._reaper = ProcessReaper()
            held.callback(self._reaper.close)
            self.start()
            held.callback(self.stop)
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()


def _format(settings: BrokerSettings, properties: Path) -> None:
    """Prepare a new directory for KRaft."""
    done = subprocess.run(
        [
            java(),
            "-Xmx128m",
            *_QUICK_COMPILER,
            f"-Dlog4j2.configurationFile={settings.logging}",
            "-cp",
            classpath(),
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            _CLUSTER_ID,
            "--config",
            str(properties),
        ],
        capture_output=True,
        text=True,
        check=False,
        umask=PRIVATE_UMASK,
    )
    if done.returncode != 0:
        output = done.stdout + done.stderr
        settings.log.write_text(output, "utf-8")
        raise ExpectedError(
            f"the broker's directory could not be prepared: {why_broker_ended(settings, output)}"
        )
