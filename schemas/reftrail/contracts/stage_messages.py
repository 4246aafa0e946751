"""Messages between stages: questions about signals and limits, their answers, and milestones.

And what stages looked up for their decisions.
"""

from reftrail.contracts.record import Derived, Micros, Millis


class CheckRequested(Derived, frozen=True, kw_only=True):
    """A claim asks how often its signal was seen. signal is `kind:value`, such as `ip:<hash>`.

    claim_id is the claim's event_id. owner_user_id is the code's owner, as far as that is known.
    """

    signal: str
    code: str
    user_id: str
    claim_id: str
    owner_user_id: str | None = None


class SignalChecked(Derived, frozen=True, kw_only=True):
    """The numbers of distinct users who claimed from a signal up to the claim, this one included.

    kind is that of the signal. codes_30d counts the distinct codes that they claimed under,
    insiders_30d those of them under whose own codes others of them claimed. For a browser that is 1
    if the owner of the claim's code was seen in it, with a claim or without. users_365d is counted
    for e-mail addresses alone, and 0 for other kinds. others are the users but the claim's own, the
    latest first and at most 16 of them, as fingerprints of eight bytes: so who turns out to be the
    same person can be left out later. The first users_24h - 1 of them are those of 24 hours, and
    likewise for the other times.
    """

    code: str
    user_id: str
    claim_id: str
    kind: str
    users_24h: int
    users_30d: int
    codes_30d: int
    insiders_30d: int = 0
    users_365d: int = 0
    others: bytes = b""


class PersonKnown(Derived, frozen=True, kw_only=True):
    """Users who claimed from a signal are known to be one person, who goes on by user_id there.

    others are the other users, as fingerprints of eight bytes.
    """

    signal: str
    user_id: str
    others: bytes


class UserSeen(Derived, frozen=True, kw_only=True):
    """A user was seen in a browser that several users share, or bought something in it.

    signal is the browser's, `visitor:<fingerprint>`. has_signed_up: the user signed up in it, at
    event_time; otherwise the user is known to be there by then. by_page: only a page says so, which
    can name anybody.
    """

    signal: str
    user_id: str
    has_signed_up: bool = False
    by_page: bool = False


class LimitRequested(Derived, frozen=True, kw_only=True):
    """A reward asks for reservations under limits that codes share, one after the other.

    limits has those still to pass, as texts `key|amount|most`; the first one's key is the message
    key. passed has those passed before. releasing True: reservations are released, since a later
    limit had none. Where an order is among the limits, order_amount_micros and order_currency are
    what it cost, before refunds.
    """

    limits: list[str]
    passed: list[str]
    releasing: bool = False
    code: str
    user_id: str
    claim_id: str
    order_amount_micros: Micros | None = None
    order_currency: str | None = None


class OrderAsked(Derived, frozen=True, kw_only=True):
    """A refund or dispute names a user who isn't known to have the order: who has it?

    limit is the key of the order's limit. claim is the refund or dispute as a claim of that user,
    packed; it goes to the referrals by which the order has earned. order_amount_micros and
    order_currency are those of an order of this id that the user is known to have bought.
    """

    limit: str
    user_id: str
    claim: bytes
    order_amount_micros: Micros | None = None
    order_currency: str | None = None


class LimitAnswered(Derived, frozen=True, kw_only=True):
    """Whether a reward has its reservations; refused_by is the key of the limit that refused.

    held_amount_micros and held_currency are those of the order that another user has, where they
    aren't those of the order that asks.
    """

    code: str
    user_id: str
    claim_id: str
    refused_by: str | None = None
    held_amount_micros: Micros | None = None
    held_currency: str | None = None


class ReferralVoided(Derived, frozen=True, kw_only=True):
    """A referral earns nothing any more, and what it has earned is taken back for this reason.

    existing_customer: the user bought at first_purchase_at, before the touch; it concerns rewards
    of campaigns for new customers only. users_merged: the user and merged_into are one, and another
    signup attributes them. self_referral: one of the users merged into merged_into, or that one,
    owns the code. claims are those under the attribution that is left, which follow once what was
    taken back is free again, packed. route has the other referrals that they go through before, as
    texts `user:code`, in this order.
    """

    code: str
    user_id: str
    reason: str
    first_purchase_at: Millis | None = None
    merged_into: str | None = None
    claims: bytes | None = None
    route: list[str] = []  # noqa: RUF012  (every record gets its own)


class UsersKnown(Derived, frozen=True, kw_only=True):
    """The other users who are known to be the user of a referral, by merges: account and guests."""

    code: str
    user_id: str
    users: list[str]


class ReviewsCarried(Derived, frozen=True, kw_only=True):
    """What a referral that a merge has ended knows of its user's orders, for the referral left.

    ended_code and ended_user_id are those of the referral that has ended. ended has the sides of
    its actions whose rewards reviews ended, as texts `id|role|currency|action`: a side has one id,
    by whatever referrals it comes. seen has the answers about the signals of orders, as texts
    `kind|users_24h|users_30d|codes_30d|insiders_30d|users_365d|action`. The kind `approved` says
    that a review has approved an order in spite of them. seen_among has those answers that name
    others among the users, as texts `others|` and the rest likewise, others in hexadecimal digits.
    places has the user's places under limits that count users, which rewards keep that were taken
    back, as texts `received_at|day|limit|most|action`; without a limit it is that under the code,
    for the UTC day too where that isn't -1.
    """

    code: str
    user_id: str
    ended_code: str
    ended_user_id: str
    ended: list[str]
    seen: list[str] = []  # noqa: RUF012
    places: list[str] = []  # noqa: RUF012
    seen_among: list[str] = []  # noqa: RUF012


class Forwarded(Derived, frozen=True, kw_only=True):
    """A record about a user who was merged into another, on its way to that account, user_id.

    trail are the users through whom it came, the first one first. record is a packed conversion;
    has_claimed: under the attribution of the first user it has claimed before. history
    is the packed state of attribution of the last user in trail.
    """

    user_id: str
    trail: list[str]
    record: bytes | None = None
    history: bytes | None = None
    has_claimed: bool = False


class MilestoneChanged(Derived, frozen=True, kw_only=True):
    """A referrer reached a milestone, or lost it because a reward was reversed.

    code and user_id are those of the grant that was the grants-th, also where that is lost (reached
    False). A bonus that is reached again keeps the code of its first time. times says how often it
    was reached by now. value and reward_kind are those of a bonus. decided_at is that of the grant.
    """

    beneficiary: str
    campaign_id: str
    campaign_version: int
    code: str
    user_id: str
    name: str
    kind: str
    grants: int
    reached: bool
    times: int = 1
    value_micros: Micros = 0
    currency: str | None = None
    reward_kind: str | None = None
    item: str | None = None
    decided_at: Millis | None = None


class LookedUp(Derived, frozen=True, kw_only=True):
    """A code, campaign version or list entry that a stage's decisions use from its cause on.

    The cause is the stage's own input. fact is the message value of the code, campaign version or
    entry, as its own topic has it. A stage writes each fact again when it changes. Without a fact,
    the record begins anew: the facts before it don't count any more.
    """

    stage: str
    fact: bytes | None = None
