"""Cases for the tests of fraud checks."""

from collections.abc import Mapping
from typing import Any

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.external_inputs import Listed
from reftrail.contracts.policy import Fraud
from reftrail.engine.reference import ReferenceTables
from reftrail.rules.fraud.baselines import Amounts, Claims, Hours
from reftrail.rules.fraud.case import Case, Figures, Signals, SignalSeen
from reftrail.rules.fraud.scoring import gather
from reftrail.rules.reward.assessment import signals_of
from reftrail.testing import claimed, code, moment

NOON = moment("9d 12:00")
NO_HOURS, NO_AMOUNTS, NO_CLAIMS = Hours(), Amounts(), Claims()


def case(
    *,
    facts: Mapping[str, Any] | None = None,
    seen: SignalSeen | None = None,
    hours: Hours = NO_HOURS,
    amounts: Amounts = NO_AMOUNTS,
    claims: Claims = NO_CLAIMS,
    lists: tuple[Listed, ...] = (),
    others: tuple[Signals, ...] = (),
    touch: tuple[int, str] | None = None,
    **overrides: Any,
) -> Case:
    """A claim of which only the given fields could be evidence.

    others are the signals of the signup and the touch, touch says when that came in under which
    kind of key.
    """
    action = overrides.pop("action", Action.SIGNUP)
    claim = claimed(action, "AMY", "9d 12:00", **({"touch_time": moment("9d 09:00")} | overrides))
    record = claim.but(signed_up_at=overrides.get("signed_up_at", NOON)).record()
    assert isinstance(record, Claimed)
    received_at, key_kind = touch or (None, None)
    return Case(
        claim=record,
        code=code("AMY", **(facts or {})),
        seen={} if seen is None else {seen.kind: seen},
        hours=hours,
        amounts=amounts,
        claims=claims,
        listed=ReferenceTables(lists).listed,
        signals=(signals_of(record), *others),
        touch_received_at=received_at,
        touch_key_kind=key_kind,
    )


def found(in_case: Case) -> dict[str, Figures]:
    return {item.reason: item.figures for item in gather(in_case, Fraud())}


def listed(subject: str, value: str, listing: str = "block", **overrides: Any) -> Listed:
    return Listed(
        event_id="l",
        event_time=0,
        received_at=0,
        subject=subject,
        value=value,
        listing=listing,
        actor="ann",
        **overrides,
    )


def seen(kind: str, day: int = 1, month: int = 1, codes: int = 1, insiders: int = 0) -> SignalSeen:
    return SignalSeen("c", kind, day, month, codes, insiders)


def bought(**overrides: Any) -> Case:
    fields: dict[str, Any] = {
        "action": Action.PURCHASE,
        "signed_up_at": moment("9d 10:00"),
        "order_id": "o",
    }
    return case(**(fields | overrides))
