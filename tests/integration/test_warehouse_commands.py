"""`reftrail warehouse migrate` and `rebuild`, on a real broker and a warehouse that was stopped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.host_process import run_command
from support.kafka import TestInstallation
from support.log import produce
from support.warehouse import RunningWarehouse, warehouse

from reftrail.contracts.events import Click
from reftrail.contracts.reference import CodeChanged
from reftrail.contracts.topics import CODES, EVENTS

T0 = 1_790_000_000_000


def click(number: int) -> Click:
    return Click(
        event_id=f"e{number}", event_time=T0, received_at=T0 + number, visitor_id="v", code="A"
    )


def run(running: RunningWarehouse, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "REFTRAIL_BOOTSTRAP_SERVERS": running.installation.bootstrap_servers,
        "REFTRAIL_TOPIC_PREFIX": running.installation.topic_prefix,
        "REFTRAIL_CLICKHOUSE_PATH": str(running.clickhouse_path),
    }
    return run_command("warehouse", *arguments, environment=environment)


@pytest.fixture
def stopped(installation: TestInstallation, tmp_path: Path) -> RunningWarehouse:
    """A warehouse with 300 events, 100 of them twice, that doesn't run any more."""
    produce(installation, EVENTS, [click(number % 300) for number in range(400)])
    code = CodeChanged(
        event_id="c", event_time=1, received_at=1, code="A", campaign_id="k", created_at=1
    )
    produce(installation, CODES, [code])
    with warehouse(installation, tmp_path) as running:
        running.wait_until_loaded()
        refused = run(running, "rebuild")
        assert (refused.returncode, "another process has" in refused.stderr) == (1, True)
        running.stop()
    return running


def test_what_kafka_has_is_compared_and_replaces_what_was_lost(stopped: RunningWarehouse) -> None:
    for _ in range(2):
        migrated = run(stopped, "migrate")
        assert (migrated.returncode, migrated.stdout) == (0, "tables and views are up to date\n")
    same = run(stopped, "rebuild")
    assert same.returncode == 0, same.stderr
    assert "events: 300 rows, rebuilt 300: the same\n" in same.stdout
    assert "duplicate_events: 100 rows, rebuilt 100: the same\n" in same.stdout

    _lose_events(stopped)
    lost = run(stopped, "rebuild")
    assert lost.returncode == 1
    assert "events: 290 rows, rebuilt 300: differs\n" in lost.stdout
    assert "these tables differ from what Kafka has: events." in lost.stderr
    assert stopped.numbers("SELECT count() FROM events") == [290]

    replaced = run(stopped, "rebuild", "--replace")
    assert replaced.returncode == 0, replaced.stderr
    assert stopped.numbers("SELECT count() FROM events", "SELECT count() FROM codes") == [300, 1]

    stopped.restart()
    produce(stopped.installation, EVENTS, [click(7), click(300)])
    stopped.wait_until_loaded()
    assert stopped.report("funnel")["rows"][0]["clicks"] == 301
    stopped.stop()


def _lose_events(stopped: RunningWarehouse) -> None:
    lose = (
        "from pathlib import Path\n"
        "import sys\n"
        "from reftrail.warehouse.clickhouse import connect_for_writing\n"
        "client = connect_for_writing(Path(sys.argv[1]), None)\n"
        "client.command(\"DELETE FROM events WHERE event_id LIKE 'e10_'\")\n"
        "client.close()\n"
    )
    subprocess.run([sys.executable, "-c", lose, str(stopped.clickhouse_path)], check=True)
