"""A campaign that compares two arms, what its report says, and touches of visitors."""

from typing import Any

from reftrail.contracts.conversions import Touched
from reftrail.contracts.policy import (
    Arm,
    ArmReward,
    ArmUnit,
    Experiment,
    Fraud,
    Policy,
    policy_text,
)
from reftrail.contracts.record import DAY, MICROS_PER_UNIT
from reftrail.contracts.reference import CampaignDefined
from reftrail.reports.experiment import ExperimentAsked
from support.programme import T0, campaign

UNIT = MICROS_PER_UNIT


def comparing(
    *shares: int, salt: str = "s", by: ArmUnit = ArmUnit.VISITOR, **rules: Any
) -> CampaignDefined:
    names = ("control", "twenty", "thirty")
    arms = [
        Arm(name=name, share=share, referrer=ArmReward(value_micros=10 * (place + 1) * UNIT))
        for place, (name, share) in enumerate(zip(names, shares, strict=False))
    ]
    policy = Policy(
        experiment=Experiment(by=by, salt=salt, arms=arms),
        fraud=Fraud(grant_up_to=998, reject_from=999),
    )
    usual = {"trigger": "first_purchase", "referee_reward_micros": 5 * UNIT}
    return campaign("spring", policy=policy_text(policy), **(usual | rules))


def asked(**period: Any) -> ExperimentAsked:
    return ExperimentAsked("spring", **period)


def touch(visitor: str, arm: str, number: int = 0, **given: Any) -> Touched:
    fields: dict[str, Any] = {
        "event_id": f"touch {visitor} {number}",
        "event_time": T0,
        "received_at": T0,
        "cause_topic": "events",
        "cause_partition": 0,
        "cause_offset": number,
        "cause_event_id": "click",
        "rules": "3",
        "visitor_id": visitor,
        "type": "click",
        "code": "AMY",
        "campaign_id": "spring",
        "touch_event_id": "click",
        "expires_at": T0 + DAY,
        "arm": arm,
    }
    return Touched(**(fields | given))


def touches(**arms: int) -> list[Touched]:
    return [touch(f"{arm} {n}", arm) for arm, count in arms.items() for n in range(count)]
