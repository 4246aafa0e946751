"""Those who have to do with rewards once they are granted: fulfilment, and analysts.

Input: `reward-granted`. Output: `fulfilments` and `reviews`. What is done about a reward follows
from its id: most are delivered, some of these twice; some are reversed; some are approved although
nobody asked, which is refused.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Final

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from reftrail.contracts.codec import decode, encode
from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.installation import Installation
from reftrail.contracts.life import FulfilmentReported, Reviewed
from reftrail.contracts.policy import policy_in, policy_text
from reftrail.contracts.record import SECOND, Record
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.times import now
from reftrail.contracts.topics import FULFILMENTS, REVIEWS, REWARD_GRANTED, Topic

_HOLD: Final = 3 * SECOND
_DIGITS: Final = 16


def held_back(campaign: CampaignDefined) -> CampaignDefined:
    """The same campaign, holding each reward until a tick releases it."""
    policy = msgspec.structs.replace(policy_in(campaign.policy), hold_for=_HOLD)
    return msgspec.structs.replace(campaign, policy=policy_text(policy))


@contextmanager
def bystanders(installation: Installation) -> Iterator[None]:
    """They go about their work until the end, broker or not; then everything is acknowledged."""
    closing, failures = Event(), list[BaseException]()

    def work() -> None:
        try:
            _work(installation, closing)
        except BaseException as error:  # noqa: BLE001  (raised in the thread that waits)
            failures.append(error)

    thread = Thread(target=work, name="bystanders", daemon=True)
    thread.start()
    yield
    closing.set()
    thread.join()
    if failures:
        raise failures[0]


def _work(installation: Installation, closing: Event) -> None:
    producer = KafkaProducer(bootstrap_servers=installation.bootstrap_servers, acks="all")
    sent = []
    for granted in _granted(installation, closing):
        for topic, record in _done_about(granted):
            name, key = installation.name_of(topic), topic.key_of(record)
            partition = topic.partition(key, len(producer.partitions_for(name)))
            sent.append(producer.send(name, encode(record), key.encode(), partition=partition))
    producer.flush()
    for future in sent:
        future.get(timeout=60)
    producer.close()


def _granted(installation: Installation, closing: Event) -> Iterator[RewardGranted]:
    consumer = KafkaConsumer(
        bootstrap_servers=installation.bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    name = installation.name_of(REWARD_GRANTED)
    consumer.assign([TopicPartition(name, n) for n in consumer.partitions_for_topic(name)])
    while not closing.is_set():
        try:
            found: dict[Any, list[Any]] = consumer.poll(timeout_ms=200)
        except KafkaError:
            time.sleep(0.2)  # the broker was killed: it is back soon
            continue
        for messages in found.values():
            for message in messages:
                record = decode(message.value)
                assert isinstance(record, RewardGranted)
                yield record
    consumer.close()


def _done_about(granted: RewardGranted) -> Iterator[tuple[Topic, Record]]:
    digit = int(granted.reward_id[-1], _DIGITS)
    if digit < 10:
        yield FULFILMENTS, _delivered(granted)
    if digit < 3:
        yield FULFILMENTS, _delivered(granted)
    if digit in (2, 9, 10):
        yield REVIEWS, _review(granted, "reverse")
    if digit > 12:
        yield REVIEWS, _review(granted, "approve")


def _delivered(granted: RewardGranted) -> FulfilmentReported:
    at = now()
    return FulfilmentReported(
        event_id=f"delivered {granted.reward_id}",
        event_time=at,
        received_at=at,
        code=granted.code,
        user_id=granted.user_id,
        reward_id=granted.reward_id,
        role=granted.role,
        outcome="delivered",
        kind=granted.kind,
        attempts=1,
    )


def _review(granted: RewardGranted, decision: str) -> Reviewed:
    at = now()
    return Reviewed(
        event_id=f"{decision} {granted.reward_id}",
        event_time=at,
        received_at=at,
        code=granted.code,
        user_id=granted.user_id,
        reward_id=granted.reward_id,
        decision=decision,
        reviewer="ann",
    )
