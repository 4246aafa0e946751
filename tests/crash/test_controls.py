"""Hosts with a fault put in: the books must show what each does, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.environment import finding_tests

from crash.cast import whole_cast, with_settings
from crash.dying import DIED
from crash.experiment import Experiment
from crash.report import Report, carried_out
from crash.schedule import Plan
from reftrail.local.hosts import PARTNERS, WAREHOUSE, StackConfig, worker_name
from reftrail.local.stack import Ports
from reftrail.local.supervisor import Host

PLAN = Plan(seed=5, events=400, seconds=4.0, kills=0)
FOUND = {"replay", "tables", "fulfilment"}
ALSO_LOST = {"decisions"}
"""With the rewards goes what else was concluded on their partition in the same turn."""
FAULTY = {worker_name(1): "crash.offsets_first", WAREHOUSE: "crash.without_tokens"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One run for all faults: two hosts kill themselves where they are most vulnerable.

    And partners give whatever they are asked for, however often.
    """
    directory = tmp_path_factory.mktemp("faulty")
    said: list[str] = []
    report = carried_out(Experiment(PLAN, directory, said.append, faulty_hosts, workers=1))
    assert all((directory / f"{name}.died").exists() for name in FAULTY), said
    return report


def test_rewards_lost_by_committing_positions_first_are_found(report: Report) -> None:
    assert report.wrong.keys() - ALSO_LOST == FOUND, str(report)
    assert any(line.startswith("rewards: missing") for line in report.wrong["replay"]), str(report)


def test_rows_doubled_for_want_of_a_token_are_found(report: Report) -> None:
    assert report.wrong.keys() - ALSO_LOST == FOUND, str(report)
    found = [line.partition(":")[:3:2] for line in report.wrong["tables"]]
    assert all(what.startswith(" loaded twice") for _, what in found), str(report)
    assert "table events" in dict(found), str(report)


def test_rewards_given_twice_for_want_of_memory_are_found(report: Report) -> None:
    assert report.wrong.keys() - ALSO_LOST == FOUND, str(report)
    found = [line.partition(":")[0] for line in report.wrong["fulfilment"]]
    assert found == ["given more than once", "given, but not told"], str(report)


def faulty_hosts(place: StackConfig, ports: Ports) -> Sequence[Host]:
    """All hosts, the faulty ones in place of theirs."""
    return [
        faulty(host, place.directory) if host.name in FAULTY else forgetful(host)
        for host in whole_cast(place, ports)
    ]


def forgetful(host: Host) -> Host:
    """Partners that have forgotten what they did, and often that they did it."""
    if host.name != PARTNERS:
        return host
    return with_settings(
        host,
        {"REFTRAIL_PARTNERS_HONOURS_KEYS": "false", "REFTRAIL_PARTNERS_FORGET": "0.4"},
    )


def faulty(host: Host, directory: Path) -> Host:
    """A host that runs another module than usual."""
    host = with_settings(host, {**finding_tests(), DIED: str(directory / f"{host.name}.died")})
    arguments = (host.command.arguments[0], "-m", FAULTY[host.name])
    return replace(host, command=replace(host.command, arguments=arguments))
