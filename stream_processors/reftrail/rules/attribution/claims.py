"""Claims: what a user did, under the code to which the user is attributed."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from reftrail.contracts.decisions import Action, Attributed, Basis, Claimed, Converted
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Micros, Millis
from reftrail.contracts.reference import CodeChanged, Trigger
from reftrail.contracts.stage_messages import CheckRequested
from reftrail.rules.decider import Cause, Reference, because, derived_id
from reftrail.rules.policy import policy_at


class TouchShown(msgspec.Struct, frozen=True, array_like=True):
    """Signals, receipt and key of the touch of a signup."""

    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    received_at: Millis | None = None
    key_kind: str | None = None


_NOTHING_SHOWN: Final = TouchShown()


class Deed(msgspec.Struct, frozen=True, array_like=True):
    """A signup, purchase or refund, with the fields that a claim of it needs."""

    action: str
    event_id: str
    event_time: Millis
    received_at: Millis
    visitor_id: str | None = None
    order_id: str | None = None
    amount_micros: Micros | None = None
    currency: str | None = None
    country: str | None = None
    channel: str | None = None
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    hash_key_id: str | None = None
    email_disposable: bool | None = None
    source: str | None = None
    touch: TouchShown | None = None

    def signals(self) -> Iterator[tuple[str, str]]:
        """The signals that velocity checks count, by kind: its own, or else those of its touch."""
        touch = self.touch or _NOTHING_SHOWN
        if ip := self.ip_hash or touch.ip_hash:
            yield "ip", ip
        if network := self.network_hash or touch.network_hash:
            yield "network", network
        if device := self.device_hash or touch.device_hash:
            yield "device", device
        if self.email_hash is not None:
            yield "email", self.email_hash


class LoggedDeed(NamedTuple):
    """A purchase or refund, and its place in the log."""

    deed: Deed
    place: Cause


class Open(msgspec.Struct, frozen=True, array_like=True):
    """The data for a correction: the signup, and the event_id of the attribution."""

    signup: Deed
    attributed_id: str


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """The code to which a user is attributed, and the fields that claims repeat.

    channel is that of the touch, or of the signup with which the code was typed in. open is set
    while an earlier touch may still correct the decision, that is, until something that may earn
    has claimed.
    """

    code: str
    basis: str
    touch_time: Millis
    signed_up_at: Millis
    signup_event_id: str
    touch_event_id: str | None = None
    visitor_id: str | None = None
    campaign_id: str | None = None
    code_evidence: str | None = None
    channel: str | None = None
    open: Open | None = None


def deed_of(record: Converted) -> Deed:
    """The signup, purchase or refund of a conversion."""
    return Deed(
        action=record.kind,
        event_id=record.conversion_event_id,
        event_time=record.event_time,
        received_at=record.received_at,
        visitor_id=record.visitor_id,
        order_id=record.order_id,
        amount_micros=record.amount_micros,
        currency=record.currency,
        country=record.country,
        channel=record.channel,
        device_hash=record.device_hash,
        ip_hash=record.ip_hash,
        network_hash=record.network_hash,
        email_hash=record.email_hash,
        hash_key_id=record.hash_key_id,
        email_disposable=record.email_disposable,
        source=record.source,
        touch=_touch_shown(record),
    )


def _touch_shown(record: Converted) -> TouchShown | None:
    shown = TouchShown(
        record.touch_device_hash,
        record.touch_ip_hash,
        record.touch_network_hash,
        record.touch_received_at,
        record.touch_key_kind,
    )
    return None if shown == _NOTHING_SHOWN else shown


def decision_of(attributed: Attributed) -> Decision:
    """The decision that a decisive attribution makes."""
    return Decision(
        code=attributed.code,
        basis=attributed.basis,
        touch_time=attributed.touch_time,
        signed_up_at=attributed.event_time,
        signup_event_id=attributed.signup_event_id,
        touch_event_id=attributed.touch_event_id,
        visitor_id=attributed.visitor_id,
        campaign_id=attributed.campaign_id,
        code_evidence=attributed.code_evidence,
        channel=attributed.channel,
    )


def claims_of(
    deed: Deed,
    decision: Decision,
    record: Converted | Attributed,
    cause: Cause,
    reference: Reference,
) -> list[Claimed | CheckRequested]:
    """The claim of a signup, purchase or refund, and the checks of its signals if it may earn.

    A signup's signals are checked wherever it may lead to a reward: a server that reports a
    purchase later doesn't send the user's signals.
    """
    code = code_of(decision.code, decision.code_evidence, reference)
    campaign_id = code.campaign_id if code else decision.campaign_id
    if code is not None and (code.code != decision.code or decision.campaign_id is None):
        # It was registered since, maybe in another case of its letters.
        registered = {"code": code.code, "campaign_id": decision.campaign_id or campaign_id}
        decision = msgspec.structs.replace(decision, **registered)
    campaign = reference.campaign(campaign_id, deed.event_time)
    is_asked = campaign is not None and (
        deed.action == Action.SIGNUP or may_earn(deed.action, campaign.trigger)
    )
    if not is_asked:
        return [_claim(deed, decision, record, cause, {})]
    owner = code.owner_user_id if code else None
    signals = dict(deed.signals())
    if owner is not None and owner != record.user_id:
        signals["pair"] = "|".join(sorted((owner, record.user_id)))
    claimed = _claim(deed, decision, record, cause, signals)
    checks = [_check(claimed, kind, value, owner, cause) for kind, value in signals.items()]
    return [claimed, *checks]


def code_of(code: str, evidence: str | None, reference: Reference) -> CodeChanged | None:
    """The record of a code, if it can be looked up. Forged codes have none."""
    match evidence:
        case CodeEvidence.FORGED:
            return None
        case CodeEvidence.DERIVED:
            return reference.code_if_known(code)
        case _:
            return reference.code(code)


def may_claim(deed: Deed, decision: Decision, reference: Reference) -> bool:
    """Whether a decision applies to a signup, purchase or refund.

    Purchases from before the touch never claim: that customer was there without the referrer. For a
    code that was typed in, purchases count from `checkout_tolerance` before the signup on.
    """
    if deed.action != Action.PURCHASE:
        return True
    tolerance = 0
    if decision.basis == Basis.TYPED_CODE:
        campaign = policy_at(reference, decision.campaign_id, decision.signed_up_at)
        tolerance = policy_in(campaign.policy).checkout_tolerance
    return deed.event_time >= decision.touch_time - tolerance


def _claim(
    deed: Deed,
    decision: Decision,
    record: Converted | Attributed,
    cause: Cause,
    signals: Mapping[str, str],
) -> Claimed:
    """The claim. Its event_id and times are the same, whenever the attribution came.

    Its channel is that of the code's touch, or else its own. signals are those to be checked, by
    kind.
    """
    common = because(record, cause)
    if isinstance(record, Attributed):
        common["cause_event_id"] = record.cause_event_id
    common["event_id"] = derived_id("claimed", decision.code, deed.event_id)
    common["event_time"] = deed.event_time
    common["received_at"] = deed.received_at
    shown = deed.touch or _NOTHING_SHOWN
    return Claimed(
        **common,
        code=decision.code,
        code_evidence=decision.code_evidence,
        campaign_id=decision.campaign_id,
        user_id=record.user_id,
        visitor_id=deed.visitor_id or decision.visitor_id,
        action=deed.action,
        action_event_id=deed.event_id,
        basis=decision.basis,
        touch_event_id=decision.touch_event_id,
        touch_time=decision.touch_time,
        signed_up_at=decision.signed_up_at,
        order_id=deed.order_id,
        amount_micros=deed.amount_micros,
        currency=deed.currency,
        country=deed.country,
        channel=decision.channel or deed.channel,
        device_hash=deed.device_hash,
        ip_hash=deed.ip_hash,
        network_hash=deed.network_hash,
        email_hash=deed.email_hash,
        email_disposable=deed.email_disposable,
        hash_key_id=deed.hash_key_id,
        source=deed.source,
        checks=list(signals),
        root_reference=decision.touch_event_id or decision.signup_event_id,
        touch_received_at=shown.received_at,
        touch_key_kind=shown.key_kind,
        touch_device_hash=shown.device_hash,
        touch_ip_hash=shown.ip_hash,
        touch_network_hash=shown.network_hash,
    )


def _check(
    claimed: Claimed, kind: str, value: str, owner_user_id: str | None, cause: Cause
) -> CheckRequested:
    """The check of one signal of a claim."""
    common = because(claimed, cause, f"check:{kind}")
    common["cause_event_id"] = claimed.cause_event_id
    return CheckRequested(
        **common,
        signal=f"{kind}:{value}",
        code=claimed.code,
        user_id=claimed.user_id,
        claim_id=claimed.event_id,
        owner_user_id=owner_user_id,
    )


def may_earn(action: str, trigger: str) -> bool:
    """Whether a campaign with this trigger pays for such an action."""
    return action == (Action.SIGNUP if trigger == Trigger.SIGNUP else Action.PURCHASE)


def when_claimed(deed: Deed) -> tuple[bool, Millis, str]:
    """The order in which claims follow a decision: refunds first, then by time, then by event_id.

    So a purchase that was refunded by then earns nothing, not even until its refund is read.
    """
    return deed.action != Action.REFUND, deed.event_time, deed.event_id
