"""Conversions of one user, and parts of stories about attribution."""

from typing import Any

from reftrail.contracts.reference import Trigger
from reftrail.testing import (
    Outline,
    campaign,
    converted,
    duration,
    late_touch,
    moment,
)


def signed_up(at: str = "10:00", **overrides: Any) -> Outline:
    return converted("signup", at, **overrides)


def signed_up_by_touch(code: str = "AMY", touch: str = "09:00", **overrides: Any) -> Outline:
    by_touch: dict[str, Any] = {
        "touch_code": code,
        "touch_time": moment(touch),
        "touch_event_id": f"click {touch}",
        "touch_campaign_id": "spring",
    }
    return signed_up(**(by_touch | overrides))


def bought(order: str, at: str, **overrides: Any) -> Outline:
    return converted("purchase", at, order_id=order, amount_micros=5, currency="USD", **overrides)


def paid_back(order: str, at: str, **overrides: Any) -> Outline:
    return converted("refund", at, order_id=order, **overrides)


EARLIER = late_touch("BOB", at="08:00", arrived="10:05", signed_up="10:00")


ON_PURCHASE = campaign(trigger=Trigger.FIRST_PURCHASE, late_touch_grace_ms=duration("1h"))


def late(touch: Outline = EARLIER, **overrides: Any) -> Outline:
    return touch.but(touch_campaign_id="spring", **overrides)


def by_code(code: str, campaign_id: str, at: str) -> Outline:
    return signed_up(at, typed_code=code, typed_campaign_id=campaign_id)
