"""The warehouse on a ClickHouse server. Needs Docker, so it runs only when asked: -m docker."""

from pathlib import Path

import pytest
from support.kafka import TestInstallation
from support.log import produce
from support.served_clickhouse import clickhouse_container
from support.warehouse import RunningWarehouse

from reftrail.contracts.events import Click
from reftrail.contracts.topics import EVENTS

T0 = 1_790_000_000_000


@pytest.mark.docker
def test_a_server_takes_what_the_embedded_engine_takes(
    installation: TestInstallation, tmp_path: Path
) -> None:
    clicks = [
        Click(event_id=f"e{n}", event_time=T0 + n, received_at=T0, visitor_id="v", code="AMY")
        for n in range(100)
    ]
    produce(installation, EVENTS, clicks)
    with clickhouse_container() as url:
        running = RunningWarehouse(
            installation, tmp_path, REFTRAIL_CLICKHOUSE_PATH="", REFTRAIL_CLICKHOUSE_URL=url
        )
        try:
            running.wait_until_ready()
            running.wait_until_loaded()
            rows = running.report("funnel", by="code")["rows"]
        finally:
            running.process.terminate()
            running.process.wait(180)
    assert [(row["code"], row["clicks"]) for row in rows] == [("AMY", 100)]
