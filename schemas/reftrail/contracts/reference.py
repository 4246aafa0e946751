"""Reference data of decisions: codes and their formats, and campaigns."""

from enum import StrEnum
from typing import Final, NamedTuple, Self, TypeAlias

from reftrail.contracts.record import DAY, Micros, Millis, Record


class CodeStatus(StrEnum):
    """Whether a code may earn rewards."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


_NEVER: Final[Millis] = 2**63 - 1
# In Python 3.11, to look a member of an enum up takes ten times as long as a name of the module.
_ACTIVE: Final = CodeStatus.ACTIVE

STOPS_KEPT: Final[Millis] = 730 * DAY
"""The time after its end for which a stop is kept in a code's record.

What arrives later finds it no more.
"""


class Stop(NamedTuple):
    """A time in which a code had ended by its status, from since up to until, which is excluded."""

    status: str
    since: Millis
    until: Millis

    def __str__(self) -> str:
        """The stop as a text, as a code's record has it."""
        return f"{self.status}|{self.since}|{self.until}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The stop of a text in a code's record."""
        status, since, until = text.split("|")
        return cls(status, int(since), int(until))


def named_hash(key_id: str | None, digits: str | None) -> str | None:
    """A hash with the id of the key that made it, as a code's record has it."""
    return f"{key_id}:{digits}" if key_id and digits else digits


NamedHash: TypeAlias = tuple[str | None, str]
"""The id of a hash's key, None where nobody noted it, and the hash."""


def named_hashes(held: str | None) -> list[NamedHash]:
    """The hashes of one signal of an owner, the latest key's first."""
    parted = (text.rpartition(":") for text in (held or "").split(" ") if text)
    return [(key_id if colon else None, digits) for key_id, colon, digits in parted]


OWNER_HASHES: Final = (
    "owner_device_hash",
    "owner_ip_hash",
    "owner_network_hash",
    "owner_email_hash",
)


class CodeChanged(Record, frozen=True, kw_only=True):
    """The record of a code since event_time: issued, or changed in some way.

    owner_user_id is who earns the referrer's reward and may be bound later. expires_at is the
    first moment at which the code is no longer good. max_uses limits how many users may earn
    through the code, max_distributes how often it may be handed out. channels and regions (ISO 3166
    countries), where there are any, are those in which it is good. record_kind and record_id name
    what the code belongs to elsewhere, such as a ticket; nothing here looks into them. origin is
    how the code came to be. owner_*_hash are the owner's signals at registration, where known: the
    id of the key, a colon and the hash (`named_hash`); without them, written before keys were
    named. After a renewal the hash under the former key follows, behind a space: touches and
    signups from before are compared with that. Of two records of one code the one with the
    higher revision counts, whichever came later. past_stops are the times in which the code had
    ended by its status before event_time, the earliest first (`Stop`), with spaces between them:
    what happened in one arrives at any time.
    """

    code: str
    campaign_id: str
    owner_user_id: str | None = None
    category: str | None = None
    channel: str | None = None
    status: str = CodeStatus.ACTIVE
    created_at: Millis
    expires_at: Millis | None = None
    max_uses: int | None = None
    max_distributes: int | None = None
    notes: str | None = None
    channels: list[str] = []  # noqa: RUF012  (every record gets its own)
    regions: list[str] = []  # noqa: RUF012
    record_kind: str | None = None
    record_id: str | None = None
    origin: str | None = None
    owner_device_hash: str | None = None
    owner_ip_hash: str | None = None
    owner_network_hash: str | None = None
    owner_email_hash: str | None = None
    revision: int = 0
    past_stops: str | None = None

    def owner_hashes(self) -> dict[str, list[NamedHash]]:
        """The hashes of each of the owner's signals, by the field's name (`named_hashes`)."""
        found = {name: named_hashes(getattr(self, name)) for name in OWNER_HASHES}
        return {name: hashes for name, hashes in found.items() if hashes}

    @property
    def stops(self) -> list[Stop]:
        """The times in which the code had ended by its status, but for the present one."""
        return [Stop.parse(text) for text in (self.past_stops or "").split()]

    def stop_at(self, at: Millis) -> Stop | None:
        """The stop in which a time lies; the present one has no end."""
        if self.past_stops is None and self.status == _ACTIVE:
            return None  # as of nearly every code, and asked for every touch
        present = Stop(self.status, self.event_time, _NEVER)
        stops = self.stops if self.status == CodeStatus.ACTIVE else [*self.stops, present]
        return next((stop for stop in stops if stop.since <= at < stop.until), None)

    def is_stopped_at(self, at: Millis) -> bool:
        """Whether an action at a time earns nothing under the code, by its status or expiry."""
        return self.stop_at(at) is not None or (
            self.expires_at is not None and at >= self.expires_at
        )

    def has_ended_at(self, at: Millis) -> bool:
        """Whether the code was revoked or had expired at a time. A suspended one may come back."""
        if self.expires_at is not None and at >= self.expires_at:
            return True
        if self.past_stops is None and self.status == _ACTIVE:
            return False  # see `stop_at`, which this saves for every touch
        stop = self.stop_at(at)
        return stop is not None and stop.status != CodeStatus.SUSPENDED

    def past_stops_at(self, status: str, at: Millis) -> str | None:
        """The past_stops of the code once it has a status from a time on."""
        stops = self.stops
        if CodeStatus.ACTIVE != self.status != status and self.event_time < at:
            stops.append(Stop(self.status, self.event_time, at))
        return " ".join(str(stop) for stop in stops if stop.until > at - STOPS_KEPT) or None


class CodeAct(StrEnum):
    """An act on a code."""

    ISSUED = "issued"
    IMPORTED = "imported"
    BOUND = "bound"
    CHANGED = "changed"
    DISTRIBUTED = "distributed"
    SUSPENDED = "suspended"
    REACTIVATED = "reactivated"
    REVOKED = "revoked"
    EXPIRED = "expired"
    REISSUED = "reissued"


class CodeActed(Record, frozen=True, kw_only=True):
    """A line of the codes' audit log: who (actor) did what, why, and what it changed.

    before and after are JSON objects of the fields that differ. code is None for a batch of derived
    codes, which are issued by their number: then codes says how many there are, and after which.
    batch_id is common to what one command did. revision is the code's after the act.
    """

    code: str | None = None
    campaign_id: str
    act: str
    actor: str
    reason: str | None = None
    before: str | None = None
    after: str | None = None
    batch_id: str | None = None
    codes: int = 1
    revision: int


class FormatKind(StrEnum):
    """Whether a code is good because it is registered, or because a secret makes it."""

    REGISTERED = "registered"
    DERIVED = "derived"


class FormatStatus(StrEnum):
    """Whether codes of a format count."""

    ACTIVE = "active"
    RETIRED = "retired"


class CodeFormatDefined(Record, frozen=True, kw_only=True):
    """The form of codes with a prefix, and the place where they lead.

    pattern is in the language of `reftrail.codes.formats.patterns`. A derived format is that of one
    campaign, has count codes by now, and its secret follows from the master secret key_id.
    category and channel are what codes with this prefix stand for, where they don't say otherwise.
    """

    name: str
    kind: str
    pattern: str
    campaign_id: str | None = None
    category: str | None = None
    channel: str | None = None
    count: int = 0
    key_id: str | None = None
    status: str = FormatStatus.ACTIVE
    revision: int


class Trigger(StrEnum):
    """The conversion that earns the rewards of a campaign."""

    SIGNUP = "signup"
    FIRST_PURCHASE = "first_purchase"
    NTH_PURCHASE = "nth_purchase"
    AMOUNT_REACHED = "amount_reached"


class CampaignDefined(Record, frozen=True, kw_only=True):
    """One version of a campaign's rules, in force from effective_from until the next version's.

    starts_at and ends_at bound when conversions earn (end excluded). A touch counts for
    attribution_window_ms after it happened; views count as touches only if counts_views.
    A code typed in at signup is used where there is no touch, or always if typed_code_wins.
    A touch that arrives up to late_touch_grace_ms after an unattributed signup, by the
    collector's clock, still attributes it. minimum_amount_micros is the least amount of an order
    that counts as a purchase, or, where the trigger is amount_reached, what a user's purchases must
    add up to. A reward of value 0 is not given; one whose kind is code or shipment gives item.
    policy is the rest, as JSON text (`reftrail.contracts.policy`).
    """

    campaign_id: str
    version: int
    effective_from: Millis
    name: str
    category: str | None = None
    starts_at: Millis | None = None
    ends_at: Millis | None = None
    attribution_window_ms: Millis = 30 * DAY
    counts_views: bool = False
    typed_code_wins: bool = False
    late_touch_grace_ms: Millis = DAY
    trigger: str = Trigger.SIGNUP
    minimum_amount_micros: Micros = 0
    referrer_reward_micros: Micros = 0
    referrer_reward_kind: str = "credit"
    referee_reward_micros: Micros = 0
    referee_reward_kind: str = "credit"
    reward_currency: str = "USD"
    referrer_reward_item: str | None = None
    referee_reward_item: str | None = None
    policy: str | None = None
