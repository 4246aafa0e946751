"""Batches of codes from the store through the whole pipeline, to who earned by them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path

from support.codes import SECRET, sqlite_url
from support.collector import running_collector
from support.kafka import TestInstallation
from support.log import produce, read_committed, read_until
from support.programme import campaign
from support.warehouse import warehouse
from support.worker import worker

from reftrail.codes.host.relay import wait_until_sent
from reftrail.codes.model import By, Code, Terms
from reftrail.codes.service import CodeService
from reftrail.codes.store import Store
from reftrail.contracts.topics import CAMPAIGNS, CODES, REWARDS

BATCHES = (100, 10_000)
EVERY = sum(BATCHES)


def terms(numbers: Iterator[int], size: int) -> list[Terms]:
    """For each code an owner, and a ticket that nobody else has."""
    return [
        Terms(
            campaign_id="spring",
            owner_user_id=f"owner-{number}",
            record_kind="ticket",
            record_id=str(number),
        )
        for number in islice(numbers, size)
    ]


def test_each_code_of_a_batch_earns_for_the_one_it_was_issued_to(
    installation: TestInstallation, tmp_path: Path
) -> None:
    produce(installation, CAMPAIGNS, [campaign("spring", referrer_reward_micros=5_000_000)])
    store = Store.open(sqlite_url(tmp_path))
    service = CodeService(store, secret=SECRET)
    with (
        worker(installation, tmp_path / "worker.log") as at_work,
        warehouse(installation, tmp_path / "warehouse") as host,
        running_collector(installation, tmp_path / "collector.log") as collector,
    ):
        numbers = count()
        issued: list[Code] = []
        for size in BATCHES:
            by = By(actor="tester", reason=f"batch of {size}", batch_id=f"batch-{size}")
            for some in service.issue_each(terms(numbers, size), by):
                issued += some
        wait_until_sent(store, installation, patience=0.1)

        of_owner = {code.changed.owner_user_id: code.code for code in issued}
        assert len(set(of_owner.values())) == len(of_owner) == EVERY
        assert [code.changed.record_id for code in issued] == list(map(str, range(EVERY)))
        logged = {
            message.record.code: message.record for message in read_committed(installation, CODES)
        }
        assert logged == {code.code: code.changed for code in issued}

        collector.wait_ready()
        at_work.wait_until_ready()
        # Who signs up at once is held for a review.
        clicked = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        events = [
            {"type": kind, "visitor_id": f"visitor-{number}", **more}
            for number in range(EVERY)
            for kind, more in (
                ("click", {"code": of_owner[f"owner-{number}"], "event_time": clicked}),
                ("signup", {"user_id": f"user-{number}"}),
            )
        ]
        with collector.client() as client:
            for start in range(0, len(events), 1_000):
                answer = client.post("/v1/events", json={"events": events[start : start + 1_000]})
                assert answer.json() == {"accepted": len(events[start : start + 1_000]),
                                         "rejected": []}  # fmt: skip
        rewards = read_until(installation, REWARDS, lambda found: len(found) >= EVERY)
        assert len(rewards) == EVERY
        host.wait_until_loaded()
        assert host.stop() == 0

        entries = [reward.record for reward in rewards]
        assert {
            (entry.code, entry.beneficiary, entry.user_id, entry.status) for entry in entries
        } == {
            (of_owner[f"owner-{number}"], f"owner-{number}", f"user-{number}", "granted")
            for number in range(EVERY)
        }
        found = host.numbers(
            "SELECT count() FROM codes FINAL",
            "SELECT uniqExact(record_id) FROM codes FINAL"
            " WHERE record_kind = 'ticket' AND owner_user_id = concat('owner-', record_id)",
            "SELECT uniqExact(code) FROM code_acts FINAL"
            " WHERE act = 'issued' AND actor = 'tester' AND code IN (SELECT code FROM codes)",
            "SELECT count() FROM code_acts FINAL WHERE batch_id = 'batch-100' AND code != ''",
            "SELECT count() FROM code_acts FINAL WHERE batch_id = 'batch-10000' AND code != ''",
            "SELECT count() FROM v_events WHERE code_known AND type = 'click'",
        )
        assert found == [EVERY, EVERY, EVERY, *BATCHES, EVERY]
    store.close()
