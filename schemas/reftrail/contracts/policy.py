"""Policy of a campaign: its rules beyond the plain fields of `CampaignDefined`.

On the wire it is JSON text in `CampaignDefined.policy`; absent fields have the defaults here. All
durations are in milliseconds, money in micros, counts are of users or rewards as said.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from reftrail.contracts.errors import NewerVersionNeeded
from reftrail.contracts.links import NO_LINKS, Links
from reftrail.contracts.record import DAY, MINUTE, Micros, Millis
from reftrail.contracts.side_rules import NO_RULES, Percent, RewardValue, SideRules


class Scope(StrEnum):
    """The number of times that a user can be referred: once ever, or once in each campaign."""

    USER = "user"
    CAMPAIGN = "campaign"


class AtHoldsEnd(StrEnum):
    """The fate of a held reward that nobody has reviewed when its hold ends."""

    GRANT = "grant"
    REJECT = "reject"


class OnRefund(StrEnum):
    """The effect of an order's refund on the reward that the order earned.

    reverse: all of it, once the order no longer qualifies. proportional: as much of the reward as
    of the order was paid back. keep: nothing.
    """

    REVERSE = "reverse"
    PROPORTIONAL = "proportional"
    KEEP = "keep"


class OrderIds(StrEnum):
    """Within what an order id names one order: two users who report it are paid for it once.

    user: merchants whose ids clash, such as several shops under one installation.
    """

    INSTALLATION = "installation"
    USER = "user"


class TermsFrom(StrEnum):
    """The version of the campaign by which an order earns: that of its time, or of the signup's."""

    ACTION = "action"
    SIGNUP = "signup"


class BudgetCounts(StrEnum):
    """The amounts that a budget counts: the rewards' final cost, or all that was ever granted."""

    NET = "net"
    GROSS = "gross"


class MilestoneKind(StrEnum):
    """The kind of a milestone: a tier (the highest one counts), a badge, or a bonus reward."""

    TIER = "tier"
    BADGE = "badge"
    BONUS = "bonus"


class Milestone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reached with the grants-th reward granted to a referrer in the campaign and not reversed.

    value_micros in currency (ISO 4217, or a unit's name in lower case such as points) is what a
    bonus is worth; kind of reward and item as in `RewardDecided`.
    """

    name: str
    kind: MilestoneKind
    grants: int
    value_micros: Micros = 0
    currency: str | None = None
    reward_kind: str = "credit"
    item: str | None = None


class Caps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most that may be granted; None is no limit. What is reversed frees no place again.

    per_code and per_referrer count the users through whom somebody earned, *_per_day those of one
    UTC day of action. budget_micros is what the campaign may grant in all, both sides together, in
    its currency; budget_per_day_micros in one UTC day. By budget_counts a reversal frees its part
    of them again (net), or doesn't (gross).
    """

    per_code: int | None = None
    per_code_per_day: int | None = None
    per_referrer: int | None = None
    per_referrer_per_day: int | None = None
    budget_micros: Micros | None = None
    budget_per_day_micros: Micros | None = None
    budget_counts: BudgetCounts = BudgetCounts.NET


class Adjustments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Adjustments by hand that a second person has to approve.

    Those of more than approval_above_micros in the campaign's currency, credit or debit, and all in
    other currencies; None: none of them. Credits of one beneficiary that nobody else approved count
    together for approval_window, and so do debits; 0: each counts alone.
    """

    approval_above_micros: Micros | None = None
    approval_window: Millis = 30 * DAY


class Fraud(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The weights and limits of evidence.

    Names of reasons are those of `reftrail.rules.fraud.checks`.

    A score up to grant_up_to grants, from reject_from it rejects, between it holds for review_for;
    then at_review_end decides. weights and limits replace the defaults of single reasons; a weight
    of 0 leaves a reason out. A decisive reason rejects whatever the score.
    """

    grant_up_to: int = 55
    reject_from: int = 70
    weights: dict[str, int] = {}
    limits: dict[str, int] = {}
    decisive: list[str] = []
    review_for: Millis = 14 * DAY
    at_review_end: AtHoldsEnd = AtHoldsEnd.REJECT


class ArmUnit(StrEnum):
    """The unit of an experiment's assignment: each visitor, or each code with all who use it."""

    VISITOR = "visitor"
    CODE = "code"


class ArmReward(RewardValue, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side's reward in an arm, as a value or in percent of the order."""


class Arm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An arm of an experiment, and the rewards in it; None is that of the campaign.

    share is its part of all, in proportion to the shares of the other arms.
    """

    name: str
    share: int
    referrer: ArmReward | None = None
    referee: ArmReward | None = None


class Experiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arms that are compared. salt is the key of the hash that assigns a unit to one of them."""

    by: ArmUnit = ArmUnit.VISITOR
    salt: str
    arms: list[Arm]

    def arm(self, name: str | None) -> Arm | None:
        """The arm of a name; None if there is none."""
        return next((arm for arm in self.arms if arm.name == name), None)


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The structured part of a campaign's rules.

    trigger_count is n of the nth purchase. repeats is how many rewards one user may earn a side
    under the campaign (1: single use; 0: no limit). hold_for keeps every grant back so long after
    its action, then grants it. expires_after is how long after its grant a reward that hasn't been
    fulfilled is good; None for ever. order_ids says whether an order pays once or once for each
    user. checkout_tolerance is how long before the signup a purchase may lie that still counts for
    a code typed in with it; backdated_touch_for how old on receipt a touch under a publishable key
    may be to take the place of another one. Windows and rewards are in `CampaignDefined`, but for a
    side whose reward is in percent. earning_months is for how many months from the signup orders
    earn; None for ever. new_customers_only: a user who bought before the touch earns nothing.
    once_per_email: users with one e-mail address earn as one, the first of them.
    experiment has arms with rewards of their own, which take the place of a side's reward and its
    rules. terms_from = signup in the version that held at a user's signup keeps that version for
    the user's orders. links says where the links of its codes lead. language is the version of this
    language that the policy is written in.
    """

    language: int = 1
    scope: Scope = Scope.USER
    trigger_count: int = 1
    repeats: int = 1
    hold_for: Millis = 0
    expires_after: Millis | None = None
    on_refund: OnRefund = OnRefund.REVERSE
    order_ids: OrderIds = OrderIds.INSTALLATION
    checkout_tolerance: Millis = 15 * MINUTE
    backdated_touch_for: Millis = 5 * MINUTE
    caps: Caps = Caps()
    fraud: Fraud = Fraud()
    milestones: list[Milestone] = []
    referrer: Percent | None = None
    referee: Percent | None = None
    earning_months: int | None = None
    new_customers_only: bool = False
    experiment: Experiment | None = None
    referrer_rules: SideRules = NO_RULES
    referee_rules: SideRules = NO_RULES
    terms_from: TermsFrom = TermsFrom.ACTION
    once_per_email: bool = True
    adjustments: Adjustments = Adjustments()
    links: Links = NO_LINKS


LANGUAGE: Final = 2
"""The newest version of the language that is understood here.

A setting that older versions don't know raises it, and is written with it: an older worker then
stops and says so, since it would decide otherwise.
"""

_SINCE_2: Final = (
    "referrer",
    "referee",
    "earning_months",
    "new_customers_only",
    "experiment",
    "referrer_rules",
    "referee_rules",
    "terms_from",
    "once_per_email",
    "adjustments",
    "links",
)
"""The settings that version 2 added, besides budget_counts of the caps."""

DEFAULT: Final = Policy()


class _Written(msgspec.Struct):
    language: int = 1


_decoder: Final = msgspec.json.Decoder(Policy)
_written_in: Final = msgspec.json.Decoder(_Written)


@lru_cache(maxsize=4096)
def policy_in(text: str | None) -> Policy:
    """The policy in a campaign's JSON text; the defaults for None.

    Raises msgspec.ValidationError if the text is none, and `NewerVersionNeeded` if it is one in a
    newer version of the language.
    """
    if text is None:
        return DEFAULT
    try:
        policy = _decoder.decode(text)
    except msgspec.ValidationError:
        _stop_if_newer(_written_in.decode(text).language)
        raise
    _stop_if_newer(policy.language)
    return policy


def _stop_if_newer(language: int) -> None:
    if language > LANGUAGE:
        raise NewerVersionNeeded(
            f"a campaign's policy is written in version {language} of the policy language, and "
            f"this reftrail knows it up to version {LANGUAGE}; install the version that applied "
            f"the campaign, or a newer one"
        )


def policy_text(policy: Policy) -> str | None:
    """The JSON text of a policy, equal for equal policies; None for the defaults.

    It is in the oldest version of the language that has its settings, for older workers to read.
    """
    if msgspec.structs.replace(policy, language=1) == DEFAULT:
        return None
    fields = msgspec.to_builtins(policy)
    is_net = policy.caps.budget_counts == DEFAULT.caps.budget_counts
    if is_net and all(getattr(policy, name) == getattr(DEFAULT, name) for name in _SINCE_2):
        for name in ("language", *_SINCE_2):
            del fields[name]
        del fields["caps"]["budget_counts"]
    else:
        fields["language"] = 2
    return msgspec.json.encode(fields, order="sorted").decode()
