"""Persons as the velocity stage is told of them: their accounts count once for others, too.

It is told under the signals for which several accounts of the person are known to have counted.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.stage_messages import PersonKnown
from reftrail.rules.fraud.case import SignalSeen
from reftrail.rules.fraud.persons import names_any_of
from reftrail.rules.reward.actions import action_of
from reftrail.rules.reward.carried_evidence import signals_shown
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.velocity import MOST_SEEN, VISITOR, name_of

_KINDS: Final = ("ip", "network", "device", VISITOR, "email")
"""The kinds of signals behind which there may be several users."""


def tell_of_claim(context: DecisionContext, claim: Claimed) -> None:
    """Tell of a person under the signals of an order that claims after a merge."""
    if context.referral.is_merged or not context.referral.users:
        return
    answers = context.action(action_of(claim)).seen
    _tell(context, signals_shown(claim), answers, context.user_id, None)


def tell_of_signup(
    context: DecisionContext, user_id: str, person: frozenset[bytes] | None = None
) -> None:
    """Tell of a person, who goes on by user_id, under the signals of the referral's signup.

    person are the names of the person's users; by default of those whom the referral knows.
    """
    shown = context.referral.signals
    signals = {
        kind: next((value for one in shown if (value := getattr(one, f"{kind}_hash"))), None)
        for kind in _KINDS
    }
    _tell(context, signals, context.referral.seen, user_id, person)


def _tell(
    context: DecisionContext,
    signals: Mapping[str, str | None],
    answers: Sequence[SignalSeen],
    user_id: str,
    person: frozenset[bytes] | None,
) -> None:
    if not any(answer.others for answer in answers):
        return
    person = context.person if person is None else person
    kinds = {answer.kind for answer in answers if names_any_of(answer, person)}
    others = sorted(person - {name_of(user_id)})[:MOST_SEEN]
    for kind, value in signals.items():
        if value and kind in kinds:
            words = ("person_known", context.record.event_id, context.code, context.user_id, kind)
            context.apply(
                PersonKnown(
                    **context.metadata(*words),
                    signal=f"{kind}:{value}",
                    user_id=user_id,
                    others=b"".join(others),
                )
            )
