"""Configuration of a local broker: its directory, ports, properties and what it logs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.private_files import make_private_directory
from reftrail.local.ports import LOOPBACK
from reftrail.local.private_files import write_private

_LOGGING: Final = """\
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
logger.log.name = org.apache.kafka.storage.internals.log
logger.log.level = WARN
logger.oldlog.name = kafka.log
logger.oldlog.level = WARN
logger.state.name = state.change.logger
logger.state.level = WARN
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = WARN
"""


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The directory and the port of a local broker.

    log is the file for what it says about itself. heap as for java -Xmx. properties are set in the
    broker's configuration after, and over, those that are set here.
    """

    data_dir: Path
    log: Path
    port: int
    controller_port: int
    heap: str = "1g"
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def logging(self) -> Path:
        """The file that says what the broker logs."""
        return self.data_dir / "log4j2.properties"


def write_configuration(settings: BrokerSettings) -> Path:
    """Write the configuration into the data directory; returns the file for the broker.

    Raises `ExpectedError` when the directory cannot be written to.
    """
    properties = settings.data_dir / "server.properties"
    text = "".join(f"{name}={value}\n" for name, value in _properties(settings).items())
    try:
        make_private_directory(settings.data_dir)
        write_private(settings.logging, _LOGGING)
        write_private(properties, text)
    except OSError as error:
        raise ExpectedError(
            f"cannot write to {settings.data_dir}: {error.strerror}; choose another directory, "
            f"make room there or change its rights"
        ) from error
    return properties


def _properties(settings: BrokerSettings) -> dict[str, str]:
    """https://kafka.apache.org/documentation/#brokerconfigs."""
    listeners = f"PLAINTEXT://{LOOPBACK}:{settings.port}"
    return {
        "node.id": "1",
        "process.roles": "broker,controller",
        "controller.quorum.voters": f"1@{LOOPBACK}:{settings.controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{listeners},CONTROLLER://{LOOPBACK}:{settings.controller_port}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(settings.data_dir / "log"),
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # 50 partitions each are the default: so many take their time to make and to load.
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.num.partitions": "8",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(8 * 1024 * 1024),
        # The default, 128 MB, is taken out of the heap.
        "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),
        # A broker killed with -9 may come back only when its last registration has run out.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "log.index.size.max.bytes": str(1024 * 1024),
        "file.delete.delay.ms": "1000",
        "num.recovery.threads.per.data.dir": "2",
        **settings.properties,
    }
