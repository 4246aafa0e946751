"""Accepted events: their answers, and the records on the topic after them."""

from uuid import UUID

import httpx
from support.collected_events import Written, click, code_changed
from support.collector import PUBLISHABLE, RunningCollector
from support.kafka import TestInstallation
from support.log import produce

from reftrail.contracts.events import Click
from reftrail.contracts.record import MINUTE, SECOND
from reftrail.contracts.times import moment, now
from reftrail.contracts.topics import CODES, EVENTS


def test_a_phone_s_clock_is_corrected_and_the_answer_says_so(
    collector: RunningCollector, written: Written
) -> None:
    begun = now()

    def at(ahead: int) -> str:
        return moment(now() + ahead).isoformat(timespec="milliseconds")

    def after(answer: httpx.Response) -> int:
        assert answer.status_code == 202
        assert answer.json()["accepted"] == 1
        return int(answer.json()["clock_skew_ms"])

    minutes = {"sent": 6 * MINUTE, "ahead": 4 * MINUTE}
    clicks = {name: click(event_time=at(ahead)) for name, ahead in minutes.items()}
    with collector.client(PUBLISHABLE) as client:
        found = {"events": [clicks["sent"]]}
        assert (
            client.post("/v1/events", json=found).json()["rejected"][0]["pointer"] == "/event_time"
        )
        skews = {
            "sent": after(client.post("/v1/events", json=found | {"sent_at": at(6 * MINUTE)})),
            "ahead": after(client.post("/v1/events", json=clicks["ahead"])),
        }
    for name, ahead in minutes.items():
        event = written.events()[clicks[name]["event_id"]]
        assert event.clock_skew_ms == skews[name]
        assert abs(skews[name] - ahead) < 30 * SECOND
        assert begun - SECOND <= event.event_time <= event.received_at
        assert event.key_kind == "publishable"


def test_what_is_answered_with_202_is_on_the_topic(
    collector: RunningCollector, installation: TestInstallation, written: Written
) -> None:
    sent = [click(visitor_id=f"v{number}") for number in range(1000)]
    with collector.client() as client:
        answer = client.post("/v1/events", json={"events": sent})
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1000, "rejected": []}
    logged = written.logged()
    assert {entry.record.event_id for entry in logged} == {event["event_id"] for event in sent}
    for entry in logged:
        assert isinstance(entry.record, Click)
        assert entry.key == entry.record.visitor_id
        assert entry.partition == EVENTS.partition(entry.key, installation.partitions)


def test_a_visitors_events_keep_their_order(collector: RunningCollector, written: Written) -> None:
    sent = [click(visitor_id=f"v{number % 5}", category=str(number)) for number in range(500)]
    with collector.client() as client:
        for start in range(0, 500, 50):
            assert client.post("/v1/events", json={"events": sent[start : start + 50]}).is_success
    for visitor in range(5):
        numbers = [
            int(entry.record.category) for entry in written.logged() if entry.key == f"v{visitor}"
        ]
        assert numbers == list(range(visitor, 500, 5))


def test_each_event_is_judged_on_its_own(collector: RunningCollector, written: Written) -> None:
    counted = (
        'reftrail_collector_events_rejected_total{field="currency"}',
        'reftrail_collector_events_accepted_total{type="click"}',
    )
    before = {name: collector.metric(name) for name in counted}
    good = click()
    body = {"events": [{"type": "purchase", "user_id": "u", "order_id": "o"}, good, 7]}
    with collector.client() as client:
        answer = client.post("/v1/events", json=body)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert [(r["index"], r["pointer"]) for r in answer.json()["rejected"]] == [
        (0, "/currency"),
        (2, ""),
    ]
    assert written.events().keys() == {good["event_id"]}
    assert {name: collector.metric(name) - count for name, count in before.items()} == {
        'reftrail_collector_events_rejected_total{field="currency"}': 1,
        'reftrail_collector_events_accepted_total{type="click"}': 1,
    }


def test_one_event_may_be_sent_bare(collector: RunningCollector, written: Written) -> None:
    with collector.client() as client:
        answer = client.post("/v1/events", json={"type": "view", "visitor_id": "v"})
    assert answer.json() == {"accepted": 1, "rejected": []}
    (made,) = written.events()
    assert UUID(made).version == 7


def test_an_idempotency_key_gives_the_same_ids_again(
    collector: RunningCollector, written: Written
) -> None:
    events = {"events": [{"type": "view", "visitor_id": "v"}, {"type": "view", "visitor_id": "v"}]}
    with collector.client() as client:
        for key in ("one", "one", "two"):
            client.post("/v1/events", json=events, headers={"idempotency-key": key})
    assert len(written.logged()) == 6
    assert len(written.events()) == 4


def test_a_code_is_known_as_soon_as_it_is_registered(
    collector: RunningCollector, installation: TestInstallation, written: Written
) -> None:
    with collector.client() as client:
        unknown = click(code="LATER")
        assert client.post("/v1/events", json=unknown).is_success
        for number in range(20):
            produce(installation, CODES, [code_changed(f"NEW{number}")])
            known = click(code=f"NEW{number}", channel="own")
            assert client.post("/v1/events", json=known).is_success
            record = written.events()[known["event_id"]]
            assert record.code_known is True
            assert (record.campaign_id, record.category) == ("summer", "retail")
            assert record.channel == "own"
    assert written.events()[unknown["event_id"]].code_known is False
