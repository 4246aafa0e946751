"""Hosts with a fault put in: the checks must show what each does, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.environment import finding_tests

from crash.experiment import Experiment
from crash.fault_injection import DIED
from crash.processes import all_processes, with_settings
from crash.report import Report, carried_out
from crash.schedule import WHILE_OTHER_TESTS_RUN, Plan
from reftrail.local.hosts import PARTNERS, WAREHOUSE, StackConfig, worker_name
from reftrail.local.stack import Ports
from reftrail.local.supervisor import Host

pytestmark = pytest.mark.faults

PLAN = Plan(seed=5, events=400, seconds=4.0, kills=0, longest_takeover=WHILE_OTHER_TESTS_RUN)
FOUND = {"replay", "tables", "fulfilment"}
ALSO_LOST = {"decisions", "people"}
"""With the rewards goes what else was decided on their partition in the same transaction: also that
the attribution of a merged user ended."""
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
    twice = {table for table, what in found if what.startswith(" loaded twice")}
    too_often = {table for table, what in found if what.startswith(" counted too often")}
    assert len(twice) + len(too_often) == len(found), str(report)
    assert too_often == {"table events"}, "rows of the others collapse; " + str(report)
    assert "table events" in twice, str(report)


def test_rewards_given_twice_for_want_of_memory_are_found(report: Report) -> None:
    assert report.wrong.keys() - ALSO_LOST == FOUND, str(report)
    found = [line.partition(":")[0] for line in report.wrong["fulfilment"]]
    assert found == ["given more than once", "given, but not reported"], str(report)


def faulty_hosts(place: StackConfig, ports: Ports) -> Sequence[Host]:
    """All hosts, the faulty ones in place of theirs."""
    return [
        faulty(host, place.directory) if host.name in FAULTY else forgetful(host)
        for host in all_processes(place, ports)
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
