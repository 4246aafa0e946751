"""Reports on orders to Kafka: an outcome, or a dead letter for what can't be carried out."""

from dataclasses import dataclass
from typing import Any, Final

from reftrail.contracts.codec import encode
from reftrail.contracts.dead_letters import dead_letter
from reftrail.contracts.decisions import DeadLettered, RewardGranted
from reftrail.contracts.external_inputs import FulfilmentOutcome, FulfilmentReported
from reftrail.contracts.record import Millis
from reftrail.contracts.topics import REWARD_GRANTED
from reftrail.fulfilment.answers import Delivered
from reftrail.hosting.kafka.log_bounds import LogPosition
from reftrail.rules.decider import derived_id

STAGE: Final = "fulfilment"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message on `reward-granted` that can't be fulfilled, and why.

    timestamp is the broker's, or where it was read but refused, that of the refusal.
    """

    place: LogPosition
    timestamp: Millis
    key: bytes | None
    value: bytes | None
    detail: str


def report_id(order: RewardGranted, outcome: FulfilmentOutcome) -> str:
    """The event_id of a report: it follows from the reward and the outcome.

    A reward is delivered once at most. It may fail once for each order: after a failure a review
    can order it anew, and failing again is news.
    """
    which = [order.event_id] if outcome is FulfilmentOutcome.FAILED else []
    return derived_id("fulfilment", order.reward_id, outcome, *which)


def delivered(
    order: RewardGranted, answer: Delivered, attempts: int, at: Millis
) -> FulfilmentReported:
    """The report that an order is fulfilled, since `at`."""
    return FulfilmentReported(
        **_metadata(order, FulfilmentOutcome.DELIVERED, at),
        attempts=attempts,
        reference=answer.reference,
        carrier=answer.carrier,
        tracking_number=answer.tracking_number,
        value_micros=order.value_micros,
    )


def failed(order: RewardGranted, detail: str, attempts: int, at: Millis) -> FulfilmentReported:
    """The report that an order has failed for good, since `at`."""
    return FulfilmentReported(
        **_metadata(order, FulfilmentOutcome.FAILED, at), attempts=attempts, detail=detail
    )


def _metadata(order: RewardGranted, outcome: FulfilmentOutcome, at: Millis) -> dict[str, Any]:
    """The fields that each report on an order has."""
    return {
        "event_id": report_id(order, outcome),
        "event_time": at,
        "received_at": at,
        "code": order.code,
        "user_id": order.user_id,
        "reward_id": order.reward_id,
        "role": order.role,
        "outcome": outcome,
        "kind": order.kind,
        "action": order.action,
    }


def letter_of_failed(
    order: RewardGranted, place: LogPosition, detail: str, at: Millis
) -> DeadLettered:
    """The dead letter of an order that has failed for good."""
    key = REWARD_GRANTED.key_of(order).encode()
    return _letter("failed", Refusal(place, at, key, encode(order), detail))


def letter_of_withdrawn(order: RewardGranted, place: LogPosition, at: Millis) -> DeadLettered:
    """The dead letter of an order that was withdrawn while somebody may have carried it out."""
    key = REWARD_GRANTED.key_of(order).encode()
    detail = (
        f"withdrawn after it was asked for without a clear answer, and not asked for again; it may "
        f"have been done: ask there about {order.reward_id}, and report it as delivered if so"
    )
    return _letter("withdrawn_in_doubt", Refusal(place, at, key, encode(order), detail))


def letter_of_unreadable(message: Refusal) -> DeadLettered:
    """The dead letter of a message that is no order."""
    return _letter("undecodable", message)


def _letter(reason: str, message: Refusal) -> DeadLettered:
    at = f"{message.place.partition}:{message.place.offset}"
    return dead_letter(
        event_id=derived_id("dead-letter", STAGE, REWARD_GRANTED.name, at),
        timestamp=message.timestamp,
        stage=STAGE,
        reason=reason,
        detail=message.detail,
        topic=REWARD_GRANTED.name,
        partition=message.place.partition,
        offset=message.place.offset,
        message_key=message.key,
        payload=message.value,
    )
