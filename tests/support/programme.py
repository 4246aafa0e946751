"""Records of a small referral programme, each with what matters given and the rest made up."""

from itertools import count
from typing import Any, Final

from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import Attributed, RewardDecided
from reftrail.contracts.events import Click, FormStarted, Purchase, Refund, Signup, View
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged
from reftrail.contracts.stage_messages import MilestoneChanged

T0: Final[Millis] = 1_790_000_000_000
"""2026-09-21T14:13:20Z."""

_numbers = count(1)


def _times(given: dict[str, Any]) -> dict[str, Any]:
    at = {"event_id": f"id-{next(_numbers):06}", "event_time": T0, "received_at": T0}
    return at | given


def _metadata(given: dict[str, Any]) -> dict[str, Any]:
    cause = {
        "cause_topic": "events",
        "cause_partition": 0,
        "cause_offset": next(_numbers),
        "cause_event_id": "cause",
        "rules": "1",
    }
    return _times(cause | given)


def view(visitor: str, code: str | None, **given: Any) -> View:
    return View(visitor_id=visitor, code=code, **_times(given))


def click(visitor: str, code: str | None, **given: Any) -> Click:
    return Click(visitor_id=visitor, code=code, **_times(given))


def form_started(visitor: str, code: str | None, **given: Any) -> FormStarted:
    return FormStarted(visitor_id=visitor, code=code, **_times(given))


def signup(user: str, visitor: str | None, **given: Any) -> Signup:
    return Signup(user_id=user, visitor_id=visitor, **_times(given))


def users_merged(user: str, account: str, **given: Any) -> Converted:
    return Converted(
        kind="users_merged",
        user_id=user,
        merged_into=account,
        conversion_event_id="merge",
        **_metadata(given),
    )


def purchase(user: str, **given: Any) -> Purchase:
    order = {"order_id": f"o{next(_numbers)}", "amount_micros": 20_000_000, "currency": "USD"}
    return Purchase(user_id=user, **_times(order | given))


def refund(user: str, **given: Any) -> Refund:
    return Refund(user_id=user, **_times({"order_id": "o1"} | given))


def code(name: str, campaign_id: str, **given: Any) -> CodeChanged:
    return CodeChanged(code=name, campaign_id=campaign_id, **_times({"created_at": T0} | given))


def campaign(name: str, **given: Any) -> CampaignDefined:
    defined = {"version": 1, "effective_from": 0, "name": name.title()}
    return CampaignDefined(campaign_id=name, **_times(defined | given))


def attributed(user: str, code: str, **given: Any) -> Attributed:
    ground = {"basis": "first_touch", "touch_time": given.get("event_time", T0)}
    return Attributed(
        user_id=user, code=code, signup_event_id="signup", **_metadata(ground | given)
    )


def entry(
    reward_id: str, code: str, user: str, *, value: int, status: str = "granted", **given: Any
) -> RewardDecided:
    terms = {
        "role": "referrer",
        "action": "signup",
        "currency": "USD",
        "kind": "credit",
        "basis": "first_touch",
        "action_event_id": "signup",
        "campaign_id": "spring",
    }
    return RewardDecided(
        reward_id=reward_id,
        code=code,
        user_id=user,
        value_micros=value,
        status=status,
        **_metadata(terms | given),
    )


def milestone(
    name: str, kind: str, offset: int, *, reached: bool = True, **given: Any
) -> MilestoneChanged:
    """Of amy, unless given; offset is that of its cause, and so says what came later."""
    defaults = {
        "event_id": f"{name}:{offset}",
        "cause_topic": "milestone-inputs",
        "cause_offset": offset,
        "beneficiary": "amy",
        "campaign_id": "spring",
        "campaign_version": 1,
        "code": "AMY",
        "user_id": "uma",
        "grants": 1,
    }
    return MilestoneChanged(name=name, kind=kind, reached=reached, **_metadata(defaults | given))
