"""Claims: what a user did, under the code to which the user is attributed."""

from collections.abc import Sequence
from typing import Final

import msgspec

from reftrail.contracts.conversions import Converted
from reftrail.contracts.decisions import Action, Attributed, Basis, Claimed
from reftrail.contracts.events import CodeEvidence
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeChanged, Trigger
from reftrail.contracts.stage_messages import CheckRequested
from reftrail.rules.attribution.user_action import NOTHING_SHOWN, UserAction
from reftrail.rules.decider import Cause, Reference, derived_id, fingerprint, metadata
from reftrail.rules.policy import counts_from
from reftrail.rules.velocity import VISITOR, visitor_value

# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_SIGNUP: Final = Action.SIGNUP
_PURCHASE: Final = Action.PURCHASE
ELSEWHERE: Final = frozenset({Basis.IDENTIFIED, Basis.IDENTIFIED_BY_PAGE})


class Open(msgspec.Struct, frozen=True, array_like=True):
    """The data for a correction: the signup, and the event_id of the attribution."""

    signup: UserAction
    attributed_id: str


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """The code to which a user is attributed, and the fields that claims repeat.

    channel and utm_source are those of the touch, or of the signup with which the code was typed
    in. open is set while an earlier touch may still correct the decision, that is, until something
    that may earn has claimed. arm and attributed_id are the arm and the event_id of the
    attribution. user_id is the user whose signup decided, if that user was merged into the one
    whose state this is. touched_in is the fingerprint of the browser of a touch on another device;
    0 for other touches.
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
    arm: str | None = None
    attributed_id: str = ""
    user_id: str = ""
    utm_source: str | None = None
    touched_in: int = 0

    def has_been_in(self, browser: int) -> bool:
        """Whether the signup or the touch was in a browser, by its fingerprint."""
        if browser == self.touched_in:
            return True
        return self.visitor_id is not None and browser == fingerprint(self.visitor_id)


def decision_of(attributed: Attributed, account: str) -> Decision:
    """The decision that a decisive attribution of a user, or of one merged into them, makes."""
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
        arm=attributed.arm,
        attributed_id=attributed.event_id,
        user_id="" if attributed.user_id == account else attributed.user_id,
        utm_source=attributed.utm_source,
    )


def claims_of(  # noqa: PLR0913, PLR0917 - what a claim is made of
    action: UserAction,
    decision: Decision,
    record: Converted | Attributed,
    cause: Cause,
    reference: Reference,
    first_purchase_at: Millis | None = None,
    shared: Sequence[int] = (),
) -> list[Claimed | CheckRequested]:
    """The claim of a signup, purchase or refund, and the checks of its signals if it may earn.

    A signup's signals are checked wherever it may lead to a reward: a server that reports a
    purchase later doesn't send the user's signals.

    shared are the fingerprints of browsers that the user is known to share.
    """
    code = code_of(decision.code, decision.code_evidence, reference)
    campaign_id = code.campaign_id if code else decision.campaign_id
    decision = _as_registered(decision, code)
    campaign = reference.campaign(campaign_id, action.event_time)
    is_asked = campaign is not None and (
        action.kind == _SIGNUP or may_earn(action.kind, campaign.trigger)
    )
    if not is_asked:
        return [_claim(action, decision, record, cause, (), first_purchase_at)]
    owner = code.owner_user_id if code else None
    signals = dict(action.signals())
    browsers: Sequence[int] = ()
    if shared or action.visitor_id is not None:
        browsers = _browsers(action, decision, shared)
        if browsers:
            signals[VISITOR] = visitor_value(browsers[0])
    user_id = decision.user_id or record.user_id
    if owner is not None and owner != user_id:
        signals["pair"] = "|".join(sorted((owner, user_id)))
    kinds = [*signals, *(VISITOR for _ in browsers[1:])]
    claimed = _claim(action, decision, record, cause, kinds, first_purchase_at)
    checks = [_check(claimed, kind, value, owner, cause) for kind, value in signals.items()]
    for browser in browsers[1:]:
        value = visitor_value(browser)
        checks.append(_check(claimed, VISITOR, value, owner, cause, which=f":{value}"))
    return [claimed, *checks]


def signup_again(
    decision: Decision, record: Converted, cause: Cause, reference: Reference
) -> list[Claimed]:
    """The claim of a decision's signup, where its campaign pays for signups. It has no signals.

    The reward stage keeps the first claim, with its signals and their answers, if it was refused as
    another user's.
    """
    campaign = reference.campaign(decision.campaign_id, decision.signed_up_at)
    if campaign is None or not may_earn(Action.SIGNUP, campaign.trigger):
        return []
    signup = UserAction(
        kind=Action.SIGNUP,
        event_id=decision.signup_event_id,
        event_time=decision.signed_up_at,
        received_at=record.received_at,
    )
    return [_claim(signup, decision, record, cause, (), None)]


def as_registered(decision: Decision, reference: Reference) -> Decision:
    """A decision with the spelling and campaign of its code's record, as its claims have them."""
    return _as_registered(decision, code_of(decision.code, decision.code_evidence, reference))


def _as_registered(decision: Decision, code: CodeChanged | None) -> Decision:
    """The same, with the record: it was registered since, maybe in another case of its letters."""
    if code is None or (code.code == decision.code and decision.campaign_id is not None):
        return decision
    campaign_id = decision.campaign_id or code.campaign_id
    return msgspec.structs.replace(decision, code=code.code, campaign_id=campaign_id)


def code_of(code: str, evidence: str | None, reference: Reference) -> CodeChanged | None:
    """The record of a code, if it can be looked up. Forged codes have none."""
    match evidence:
        case None:
            return reference.code(code)
        case CodeEvidence.FORGED:
            return None
        case CodeEvidence.DERIVED:
            return reference.code_if_known(code)
        case _:
            return reference.code(code)


def may_claim(action: UserAction, decision: Decision, reference: Reference) -> bool:
    """Whether a decision applies to a signup, purchase or refund.

    Purchases from before the touch never claim: that customer was there without the referrer. For a
    code that was typed in, purchases count from `checkout_tolerance` before the signup on.
    """
    return action.kind != _PURCHASE or action.event_time >= counts_from(decision, reference)


def _claim(  # noqa: PLR0913, PLR0917 - what a claim is made of
    action: UserAction,
    decision: Decision,
    record: Converted | Attributed,
    cause: Cause,
    checks: Sequence[str],
    first_purchase_at: Millis | None,
) -> Claimed:
    """The claim. Its event_id and times are the same, whenever the attribution came.

    Its channel is that of the code's touch, or else its own. checks are the kinds of the signals
    to be checked, one for each of them.
    """
    common = metadata(record, cause)
    if isinstance(record, Attributed):
        common["cause_event_id"] = record.cause_event_id
    common["event_id"] = derived_id("claimed", decision.code, action.event_id)
    common["event_time"] = action.event_time
    common["received_at"] = action.received_at
    shown = action.touch or NOTHING_SHOWN
    return Claimed(
        **common,
        code=decision.code,
        code_evidence=decision.code_evidence,
        campaign_id=decision.campaign_id,
        user_id=decision.user_id or record.user_id,
        visitor_id=action.visitor_id or decision.visitor_id,
        action=action.kind,
        action_event_id=action.event_id,
        basis=decision.basis,
        touch_event_id=decision.touch_event_id,
        touch_time=decision.touch_time,
        signed_up_at=decision.signed_up_at,
        order_id=action.order_id,
        amount_micros=action.amount_micros,
        currency=action.currency,
        country=action.country,
        channel=decision.channel or action.channel,
        device_hash=action.device_hash,
        ip_hash=action.ip_hash,
        network_hash=action.network_hash,
        email_hash=action.email_hash,
        email_disposable=action.email_disposable,
        hash_key_id=action.hash_key_id,
        source=action.source,
        checks=list(checks),
        root_reference=decision.touch_event_id or decision.signup_event_id,
        touch_received_at=shown.received_at,
        touch_key_kind=shown.key_kind,
        touch_device_hash=shown.device_hash,
        touch_ip_hash=shown.ip_hash,
        touch_network_hash=shown.network_hash,
        net_amount_micros=action.net_amount_micros,
        refund_id=action.refund_id,
        amount_refunded_micros=action.amount_refunded_micros,
        dispute_id=action.dispute_id,
        first_purchase_at=first_purchase_at,
        arm=decision.arm,
        utm_source=decision.utm_source,
    )


def _browsers(action: UserAction, decision: Decision, shared: Sequence[int]) -> list[int]:
    """The fingerprints of the browsers to ask about, in the order action, signup, touch.

    They are those that are shared, if the action, the signup or a touch on another device was
    there. After a touch on another device it is that one's, if the user shares a browser at all:
    pages can name the user in others, where none of them counts.
    A purchase that names its browser asks about that: who else bought there isn't known here. To
    ask for each signup would cost half as much as the signup.
    """
    if not shared:
        names_it = action.visitor_id is not None and action.kind == _PURCHASE
        return [fingerprint(action.visitor_id or "")] if names_it else []
    visited = [fingerprint(name) for name in (action.visitor_id, decision.visitor_id) if name]
    touched = [decision.touched_in] if decision.touched_in else []
    found = [browser for browser in (*visited, *touched) if browser in shared]
    if not found and decision.basis in ELSEWHERE:
        found = touched
    if action.visitor_id is not None and action.kind == _PURCHASE:
        found = [visited[0], *found]
    return list(dict.fromkeys(found))


def claim_of_nobody(action: UserAction, record: Converted, cause: Cause) -> Claimed:
    """The claim of a refund or dispute of a user whom nobody referred."""
    return _claim(action, _NOBODYS, record, cause, (), None)


_NOBODYS: Final = Decision(code="", basis="", touch_time=0, signed_up_at=0, signup_event_id="")


def _check(  # noqa: PLR0913 - the last one is rarely given
    claimed: Claimed,
    kind: str,
    value: str,
    owner_user_id: str | None,
    cause: Cause,
    *,
    which: str = "",
) -> CheckRequested:
    """The check of one signal of a claim. which distinguishes it from the first of its kind."""
    common = metadata(claimed, cause, f"check:{kind}{which}")
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
    return action == (_SIGNUP if trigger == Trigger.SIGNUP else _PURCHASE)


def may_have_earned(event: object) -> bool:
    """Whether an event is the claim of a purchase under a code that there is.

    One that was mistyped or forged earns nothing.
    """
    return (
        isinstance(event, Claimed)
        and event.action == _PURCHASE
        and event.campaign_id is not None
        and event.code_evidence != CodeEvidence.FORGED
    )
