"""Processes of a run: all hosts of a stack, fulfilment, its partners, and a reviewer."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from support.environment import finding_tests

from crash import reviewer
from crash.terms import pool_lines
from reftrail.local.hosts import COLLECTOR, FULFILMENT, PARTNERS, StackConfig, url_of
from reftrail.local.process import Command
from reftrail.local.stack import Ports, all_hosts
from reftrail.local.supervisor import Host

REVIEWER: Final = "reviewer"

WORKER_SETTINGS: Final = {"REFTRAIL_TICK_SECONDS": "1"}
_SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    FULFILMENT: {
        "REFTRAIL_FULFILMENT_TIMEOUT_SECONDS": "1",
        "REFTRAIL_FULFILMENT_RETRY_FIRST_SECONDS": "0.1",
        "REFTRAIL_FULFILMENT_RETRY_MOST_SECONDS": "1",
    },
    PARTNERS: {
        "REFTRAIL_PARTNERS_BUSY": "0.05",
        "REFTRAIL_PARTNERS_FAIL": "0.05",
        "REFTRAIL_PARTNERS_FORGET": "0.1",
        "REFTRAIL_PARTNERS_HANG": "0.03",
        "REFTRAIL_PARTNERS_HANG_SECONDS": "1.5",
        "REFTRAIL_PARTNERS_TAKES_SECONDS": "0.05",
    },
}
"""Partners fail, forget to say that they did it, and answer too late."""


def all_processes(place: StackConfig, ports: Ports, *, spool: bool = False) -> Sequence[Host]:
    """All hosts of a stack with fulfilment, in a hurry, and the reviewer.

    spool: the collector has one.
    """
    (place.directory / "gift-codes.txt").write_text("".join(pool_lines()), "utf-8")
    settings = {reviewer.KEYS: _keys(place)}
    if spool:
        settings["REFTRAIL_COLLECTOR_SPOOL"] = str(place.directory / "spool")
    hosts = [
        with_settings(host, settings) if host.name == COLLECTOR else _in_a_hurry(host)
        for host in all_hosts(place, ports)
    ]
    return [*hosts, _reviewer(place, ports)]


def with_settings(host: Host, settings: Mapping[str, str]) -> Host:
    """A host with other settings than usual."""
    environment = {**host.command.environment, **settings}
    return replace(host, command=replace(host.command, environment=environment))


def _in_a_hurry(host: Host) -> Host:
    is_worker = host.name.startswith("worker-")
    return with_settings(host, WORKER_SETTINGS if is_worker else _SETTINGS.get(host.name, {}))


def _keys(place: StackConfig) -> str:
    """The secret keys of two people, one of whom approves what the other asks for."""
    return f"{place.keys.secret_key},{place.keys.secret_key}-of-bea"


def _reviewer(place: StackConfig, ports: Ports) -> Host:
    environment = {
        **place.environment(secret_keys=_keys(place)),
        **finding_tests(),
        reviewer.DIRECTORY: str(place.directory),
        reviewer.COLLECTOR: url_of(ports.collector),
    }
    command = Command(
        arguments=(sys.executable, "-m", "crash.reviewer"),
        log=place.log(REVIEWER),
        environment=environment,
    )
    return Host(name=REVIEWER, command=command, answers=lambda: True)
