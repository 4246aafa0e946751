"""Three real Kafka brokers on this machine: each partition is on all, and two must be in sync."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from reftrail.local.broker import Broker
from reftrail.local.ports import LOOPBACK

REPLICAS = 3
IN_SYNC = 2

_REPLICATED: Final = {
    "offsets.topic.replication.factor": str(REPLICAS),
    "transaction.state.log.replication.factor": str(REPLICAS),
    "transaction.state.log.min.isr": str(IN_SYNC),
    # Who leads by the table leads again soon after it has come back.
    "leader.imbalance.check.interval.seconds": "1",
    "leader.imbalance.per.broker.percentage": "0",
}


@dataclass(frozen=True)
class Cluster:
    """Brokers by their node id. The first is also the only controller, and has to stay."""

    brokers: dict[int, Broker]

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(broker.bootstrap_servers for broker in self.brokers.values())

    def partitions(self, topic: str) -> list[dict[str, Any]]:
        """Leader and replicas in sync of each partition, as the controller knows them."""
        admin = KafkaAdminClient(bootstrap_servers=self.brokers[1].bootstrap_servers)
        try:
            [found] = admin.describe_topics([topic])
        finally:
            admin.close()
        return list(found["partitions"])

    def leaders(self, topic: str) -> list[int]:
        """The leader of each partition; nothing while the controller doesn't answer."""
        try:
            return [partition["leader_id"] for partition in self.partitions(topic)]
        except KafkaError:
            return []

    def is_led(self, topic: str, without: int) -> bool:
        """Whether all partitions have a leader, and none a certain broker."""
        leaders = self.leaders(topic)
        return bool(leaders) and not {-1, without} & set(leaders)

    def is_whole(self, topic: str) -> bool:
        """Whether all replicas of all partitions are in sync."""
        try:
            found = self.partitions(topic)
        except KafkaError:
            return False
        in_sync = [len(partition["isr_nodes"]) for partition in found]
        return bool(in_sync) and set(in_sync) == {len(self.brokers)}


@contextmanager
def running_cluster(directory: Path) -> Iterator[Cluster]:
    """Three brokers, of which the second and third may be killed and started again."""
    with ExitStack() as stack:
        first = Broker(directory / "1", properties=_REPLICATED)
        brokers = {1: stack.enter_context(first)}
        for node in (2, 3):
            broker = Broker(directory / str(node))
            voters = f"1@{LOOPBACK}:{first.settings.controller_port}"
            own = {
                "node.id": str(node),
                "process.roles": "broker",
                "controller.quorum.voters": voters,
                "listeners": f"PLAINTEXT://{LOOPBACK}:{broker.settings.port}",
            }
            broker.settings = replace(broker.settings, properties={**_REPLICATED, **own})
            brokers[node] = stack.enter_context(broker)
        yield Cluster(brokers)
