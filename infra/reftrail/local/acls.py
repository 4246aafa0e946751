"""Permissions of each host on the brokers, derived from the topic table.

Every host has a Kafka user of its own and may read and write what the table says, and nothing else.
"""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.topic import Topic
from reftrail.contracts.topics import DEAD_LETTERS, TOPICS
from reftrail.engine.topology import TOPOLOGY
from reftrail.local.topics import admin

ROLES: Final = {
    "collector": frozenset({"collector", "analysts"}),
    "codes": frozenset({"codes"}),
    "worker": frozenset({stage.name for stage in TOPOLOGY} | {"ticker"}),
    "warehouse": frozenset({"warehouse"}),
    "fulfilment": frozenset({"fulfilment"}),
    "webhooks": frozenset({"webhooks"}),
    "operator": frozenset({"campaigns", "lists", "analysts", "codes", "payouts"}),
}
"""Hosts, and who each is in the topic table. An operator runs the commands of `reftrail`."""

_WRITE_DEAD_LETTERS: Final = frozenset({"worker", "warehouse", "fulfilment"})
_READ_PUBLIC: Final = frozenset({"webhooks"})  # a receiver may have each of them
_READ_ALL: Final = frozenset({"operator"})  # explain reads every topic of records


@dataclass(frozen=True, slots=True)
class Names:
    """Names under which hosts appear on the brokers: users, consumer groups.

    group and fulfilment_group are what REFTRAIL_GROUP and REFTRAIL_FULFILMENT_GROUP say, or None
    where the hosts' groups have their default names.
    """

    user_prefix: str = "reftrail-"
    group: str | None = None
    fulfilment_group: str | None = None


_DEFAULTS: Final = Names()


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One permission. is_prefix: it holds for every resource whose name begins with name."""

    host: str
    resource: str
    name: str
    operation: str
    is_prefix: bool = False


def grants(installation: Installation, names: Names) -> list[Grant]:
    """All permissions that the hosts of an installation need."""
    found = [
        Grant(host, "TOPIC", installation.name_of(topic), operation)
        for host in ROLES
        for topic in TOPICS
        for operation in _operations(host, topic)
    ]
    return sorted([*found, *_groups(installation, names), *_transactional_ids(installation, names)])


def _operations(host: str, topic: Topic) -> Iterator[str]:
    roles = ROLES[host]
    may_read = (host in _READ_ALL and topic.record is not None) or (
        host in _READ_PUBLIC and topic.public
    )
    if may_read or roles.intersection(topic.read_by):
        yield "READ"
    writers = {name.strip() for name in topic.written_by.split(",")}
    if roles & writers or (topic is DEAD_LETTERS and host in _WRITE_DEAD_LETTERS):
        yield "WRITE"


def _groups(installation: Installation, names: Names) -> Iterator[Grant]:
    prefix = installation.topic_prefix
    yield Grant("worker", "GROUP", names.group or f"{prefix}workers", "READ")
    yield Grant("codes", "GROUP", f"{names.group or f'{prefix}codes'}-registrar", "READ")
    yield Grant("fulfilment", "GROUP", names.fulfilment_group or f"{prefix}fulfilment", "READ")


def _transactional_ids(installation: Installation, names: Names) -> Iterator[Grant]:
    prefix = installation.topic_prefix
    for operation in ("WRITE", "DESCRIBE"):
        kind = "TRANSACTIONAL_ID"
        yield Grant("worker", kind, f"{prefix}worker-", operation, is_prefix=True)
        yield Grant("worker", kind, f"{prefix}ticker", operation)
        fulfilment = f"{prefix}{names.fulfilment_group or f'{prefix}fulfilment'}-"
        yield Grant("fulfilment", kind, fulfilment, operation, is_prefix=True)
        for host in ("codes", "operator"):  # commands send what no host of codes sends
            yield Grant(host, kind, f"{prefix}codes-outbox", operation)
        yield Grant("operator", kind, f"{prefix}payouts", operation)


def apply(installation: Installation, names: Names) -> None:
    """Create the permissions; those that exist already stay. Raises `ExpectedError`."""
    with admin(installation) as client:
        refused = client.create_acls([_acl(grant, names) for grant in grants(installation, names)])[
            "failed"
        ]
    if refused:
        raise ExpectedError(
            f"the broker refused {len(refused)} permissions, the first of them {refused[0]}; "
            f"log in as a user who may alter the cluster, on brokers that have an authorizer"
        )


def _acl(grant: Grant, names: Names) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if grant.is_prefix else ACLResourcePatternType.LITERAL
    return ACL(
        principal=f"User:{names.user_prefix}{grant.host}",
        host="*",
        operation=ACLOperation[grant.operation],
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(ResourceType[grant.resource], grant.name, pattern),
    )


def commands(given: Sequence[Grant], names: Names) -> list[str]:
    """The same as arguments of Kafka's own kafka-acls.sh, for clusters that are set up by it."""
    lines = []
    for grant in given:
        resource = grant.resource.lower().replace("_", "-")
        pattern = "prefixed" if grant.is_prefix else "literal"
        lines.append(
            f"--add --allow-principal User:{names.user_prefix}{grant.host} "
            f"--operation {grant.operation.title()} --{resource} {grant.name} "
            f"--resource-pattern-type {pattern}"
        )
    return lines


def main() -> None:
    """Print or create the permissions of the installation that the REFTRAIL_* variables name."""
    parser = ArgumentParser(prog="python -m reftrail.local.acls", description=main.__doc__)
    parser.add_argument("--apply", action="store_true", help="create them on the brokers")
    parser.add_argument("--user-prefix", default=_DEFAULTS.user_prefix, help="of the hosts' users")
    parser.add_argument("--group", default=_DEFAULTS.group, help="the workers' consumer group")
    parser.add_argument("--fulfilment-group", default=_DEFAULTS.fulfilment_group)
    given = parser.parse_args()
    names = Names(given.user_prefix, given.group, given.fulfilment_group)
    try:
        installation = Installation()
        if given.apply:
            apply(installation, names)
        else:
            print(*commands(grants(installation, names), names), sep="\n")  # noqa: T201
    except ExpectedError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
