"""Requests to the service of codes, and its answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

import msgspec
from msgspec import UNSET, UnsetType

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeChanged, CodeFormatDefined, CodeStatus, FormatKind


class Why(StrEnum):
    """Kinds of reasons for which the service refuses."""

    INVALID = "invalid"
    """The given values are impossible, whatever the store holds."""
    NOT_FOUND = "not_found"
    """There is no such code, or no such format."""
    CLASH = "clash"
    """The code, or one that looks like it, is another's; or the user has a code already."""
    STATUS = "status"
    """The code's status doesn't allow it."""
    LIMIT = "limit"
    """It would go over a limit of distribution."""
    EXHAUSTED = "exhausted"
    """The format has no room for more codes."""
    NO_SECRET = "no_secret"  # noqa: S105
    """Derived codes were asked about, and this process hasn't their secret."""


class ActRefused(ExpectedError):  # noqa: N818  (says what happened)
    """The reason for which the service refuses an act; nothing has been changed.

    suggestion is a code that might do instead, where there is one.
    """

    def __init__(self, why: Why, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.why = why
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Actor, reason and time of an act; common to all that one call changes.

    actor names a person or program, such as `api:sk_live_…` or `cli:amy`. at None: by the service's
    clock. batch_id None: a new one for acts on many codes, none for acts on one.
    """

    actor: str
    reason: str | None = None
    batch_id: str | None = None
    at: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Terms of a code; see `CodeChanged`. The rest may be bound or changed later.

    channel_limits: how often the code may be handed out through each of these channels.
    """

    campaign_id: str
    owner_user_id: str | None = None
    category: str | None = None
    channel: str | None = None
    channels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    expires_at: Millis | None = None
    max_uses: int | None = None
    max_distributes: int | None = None
    channel_limits: Mapping[str, int] = field(default_factory=dict)
    record_kind: str | None = None
    record_id: str | None = None
    notes: str | None = None
    owner_device_hash: str | None = None
    owner_ip_hash: str | None = None
    owner_network_hash: str | None = None
    owner_email_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCode:
    """A code that exists already, elsewhere or on paper. created_at None: now."""

    code: str
    terms: Terms
    created_at: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signup:
    """A user who has registered, with the signals under which that happened, where known."""

    user_id: str
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    hash_key_id: str | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a code; fields left out stay as they are."""

    category: str | UnsetType | None = UNSET
    channel: str | UnsetType | None = UNSET
    channels: tuple[str, ...] | UnsetType = UNSET
    regions: tuple[str, ...] | UnsetType = UNSET
    expires_at: Millis | UnsetType | None = UNSET
    max_uses: int | UnsetType | None = UNSET
    max_distributes: int | UnsetType | None = UNSET
    channel_limits: dict[str, int] | UnsetType = UNSET
    notes: str | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code in the store: its record, and how often it was handed out.

    distributed counts all of it, distributed_by_channel what named a channel. format_name is the
    format it was issued under; None if it was chosen or given.
    """

    changed: CodeChanged
    format_name: str | None = None
    distributed: int = 0
    distributed_by_channel: Mapping[str, int] = field(default_factory=dict)
    channel_limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Its text."""
        return self.changed.code

    def status_at(self, at: Millis) -> CodeStatus:
        """Its status, expired too if its time has passed and nobody has noted it yet."""
        over = self.changed.expires_at is not None and self.changed.expires_at <= at
        status = CodeStatus(self.changed.status)
        return CodeStatus.EXPIRED if over and status == CodeStatus.ACTIVE else status

    @property
    def left_to_distribute(self) -> int | None:
        """The times that it may still be handed out; None: without limit."""
        limit = self.changed.max_distributes
        return None if limit is None else max(limit - self.distributed, 0)

    def without_record(self) -> Self:
        """The code for callers who may not know its record elsewhere."""
        hidden = msgspec.structs.replace(self.changed, record_kind=None, record_id=None)
        return replace(self, changed=hidden)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Filter of codes: those that fit everything given. prefix is compared as written."""

    owner_user_id: str | None = None
    campaign_id: str | None = None
    prefix: str | None = None
    status: CodeStatus | None = None
    expires_before: Millis | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some codes in alphabetical order. next_cursor leads to the next page; None: the last one."""

    codes: tuple[Code, ...]
    next_cursor: str | None


class PerUser(StrEnum):
    """Number of codes that a user gets in a campaign."""

    MANY = "many"
    ONE = "one"
    """One for each campaign."""
    SHARED = "shared"
    """The one code that the user has in any campaign with this policy serves in all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatTerms:
    """A format to be defined, or defined anew under its name; see `CodeFormatDefined`.

    The policy of a campaign is that of its formats: per_user holds for all codes of the campaign
    with an owner, on_signup asks for a code of this format for everyone who signs up.
    """

    name: str
    pattern: str
    kind: FormatKind = FormatKind.REGISTERED
    campaign_id: str | None = None
    category: str | None = None
    channel: str | None = None
    per_user: PerUser = PerUser.MANY
    on_signup: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format in the store: used of its size codes are issued."""

    defined: CodeFormatDefined
    per_user: PerUser = PerUser.MANY
    on_signup: bool = False
    used: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class DerivedRange:
    """Derived codes that were issued: those of a campaign with the numbers first to last."""

    format: str
    campaign_id: str
    first: int
    last: int
    batch_id: str


@dataclass(frozen=True, slots=True)
class Clash:
    """A code that wasn't taken over, because the store has it otherwise. place counts from 1."""

    place: int
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """Outcome of an import: new codes, those already stored as given, and the others."""

    added: int
    unchanged: int
    clashes: tuple[Clash, ...]
    batch_id: str


@dataclass(frozen=True, slots=True)
class Reissued:
    """A code that was replaced: the old one, revoked now, and the new one."""

    old: Code
    new: Code


class Origin(StrEnum):
    """Origin of a code."""

    RANDOM = "random"
    STRUCTURED = "structured"
    DERIVED = "derived"
    CHOSEN = "vanity"
    GIVEN = "given"
    IMPORTED = "imported"
