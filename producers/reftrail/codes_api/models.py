"""Bodies and queries of requests about codes. Unknown fields are errors."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from reftrail.codes.model import (
    Changes,
    Filter,
    FormatTerms,
    GivenCode,
    PerUser,
    Terms,
)
from reftrail.contracts.code_spelling import CODE_PATTERN, spelled
from reftrail.contracts.names import LINE_PATTERN
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import OWNER_HASHES, CodeStatus, FormatKind, named_hash
from reftrail.edge.field_formats import parse_address, parse_time
from reftrail.edge.model_fields import Name
from reftrail.edge.pseudonyms import Pseudonyms

MOST_CODES: Final = 1_000
"""In one request and in one answer. Larger batches are for `reftrail codes issue`."""
_MOST_LIMITS: Final = 50
_INT32: Final = 2**31


def _moment(given: object) -> object:
    return None if given is None else parse_time(given)


def _address(text: str) -> str:
    return str(parse_address(text))


def _no_arguments(segments: dict[str, str]) -> dict[str, str]:
    """The service takes segments as arguments, beside those that it has anyway."""
    if taken := segments.keys() & {"self", "terms", "by", "format_name"}:
        raise ValueError(f"no segment can be called {taken.pop()}")
    return segments


_Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=1_000, pattern=LINE_PATTERN)]
_Typed: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
_Code: TypeAlias = Annotated[str, AfterValidator(spelled), Field(pattern=CODE_PATTERN)]
_Country: TypeAlias = Annotated[str, Field(pattern="^[A-Z]{2}$")]
_Moment: TypeAlias = Annotated[
    Millis | None, BeforeValidator(_moment, json_schema_input_type=str | None)
]
_Count: TypeAlias = Annotated[int, Field(ge=1, lt=_INT32)]
_Names: TypeAlias = Annotated[tuple[Name, ...], Field(max_length=_MOST_LIMITS)]
_Countries: TypeAlias = Annotated[tuple[_Country, ...], Field(max_length=300)]
_Segments: TypeAlias = Annotated[
    dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}$")], Name],
    Field(max_length=20),
    AfterValidator(_no_arguments),
]
_Limits: TypeAlias = Annotated[dict[Name, _Count], Field(max_length=_MOST_LIMITS)]


class Body(BaseModel):
    """The base of all bodies. Times are RFC 3339 with a zone."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class RecordBody(Body):
    """A record elsewhere that a code belongs to, such as a ticket."""

    kind: Name
    id: Name


class OwnerSignals(Body):
    """Signals by which a self-referral is recognised. Kept as keyed hashes alone."""

    email: Annotated[str, Field(max_length=254, pattern=r"^\s*[^\s@]+@[^\s@]+\s*$")] | None = None
    device_id: Name | None = None
    ip: Annotated[str, Field(max_length=64), AfterValidator(_address)] | None = None

    def hashed(self, hashes: Pseudonyms) -> dict[str, Any]:
        """The fields of `Terms` that they become."""
        found = hashes.of_owner(self.device_id, self.ip, self.email)
        return {name: named_hash(hashes.key_id, found.get(name)) for name in OWNER_HASHES}


class TermsBody(Body):
    """Terms of a code. Owner and record may also be bound later.

    channels and regions: where alone the code is good. channel_limits: how often it may be handed
    out through each channel. max_uses: how many users may earn through it.
    """

    campaign_id: Name
    owner_user_id: Name | None = None
    category: Name | None = None
    channel: Name | None = None
    channels: _Names = ()
    regions: _Countries = ()
    expires_at: _Moment = None
    max_uses: _Count | None = None
    max_distributes: _Count | None = None
    channel_limits: _Limits = Field(default_factory=dict)
    record: RecordBody | None = None
    owner_signals: OwnerSignals = OwnerSignals()
    notes: _Text | None = None

    def terms(self, hashes: Pseudonyms) -> Terms:
        """The fields as the service takes them."""
        apart = ("record", "owner_signals")
        given: dict[str, Any] = {
            name: getattr(self, name) for name in TermsBody.model_fields if name not in apart
        }
        if self.record is not None:
            given |= {"record_kind": self.record.kind, "record_id": self.record.id}
        return Terms(**given, **self.owner_signals.hashed(hashes))


class GivenBody(TermsBody):
    """A code that exists already, elsewhere or on paper."""

    code: _Code
    created_at: _Moment = None

    def given(self, hashes: Pseudonyms) -> GivenCode:
        """The request as the service takes it."""
        return GivenCode(code=self.code, terms=self.terms(hashes), created_at=self.created_at)


class IssueOne(TermsBody):
    """One code, or `count` alike.

    format: the name of the format; without it the campaign's own, else REF and nine symbols.
    segments: values of a structured format's segments. code: one that a person has chosen.
    """

    code: _Typed | None = None
    format: Name | None = None
    segments: _Segments = Field(default_factory=dict)
    count: Annotated[int, Field(ge=1, le=MOST_CODES)] = 1
    reason: _Text | None = None

    @model_validator(mode="after")
    def _chosen_or_made(self) -> Self:
        if self.code is not None and (self.format or self.segments or self.count > 1):
            raise ValueError("a chosen code has no format, segments or count")
        return self


class IssueEach(Body):
    """A code for each of the terms, in their order."""

    codes: Annotated[tuple[TermsBody, ...], Field(min_length=1, max_length=MOST_CODES)]
    format: Name | None = None
    segments: _Segments = Field(default_factory=dict)
    reason: _Text | None = None


class TakeOver(Body):
    """Codes that exist already: all are taken over or, if one clashes, none."""

    existing: Annotated[tuple[GivenBody, ...], Field(min_length=1, max_length=MOST_CODES)]
    reason: _Text | None = None


class IssueDerived(Body):
    """So many more codes of a derived format, which follow from its campaign's secret."""

    format: Name
    count: Annotated[int, Field(ge=1, le=MOST_CODES)]
    reason: _Text | None = None


class Reasoned(Body):
    """An act that needs no more than, perhaps, its reason."""

    reason: _Text | None = None


class Bind(Reasoned):
    """The owner, the record, or both."""

    owner_user_id: Name | None = None
    record: RecordBody | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.owner_user_id is None and self.record is None:
            raise ValueError("give owner_user_id, record, or both")
        return self


class Distribute(Reasoned):
    """The code was handed out, so many times, through a channel."""

    channel: Name | None = None
    count: _Count = 1


class Reissue(Reasoned):
    """format: that of the new code; without it, that of the old one."""

    format: Name | None = None


class Change(Reasoned):
    """Fields left out stay as they are; null takes a limit, a date or a note away."""

    category: Name | None = None
    channel: Name | None = None
    channels: _Names = ()
    regions: _Countries = ()
    expires_at: _Moment = None
    max_uses: _Count | None = None
    max_distributes: _Count | None = None
    channel_limits: _Limits = Field(default_factory=dict)
    notes: _Text | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set - {"reason"}:
            raise ValueError("give at least one field to be changed")
        return self

    def changes(self) -> Changes:
        """The fields as the service takes them."""
        named = self.model_fields_set - {"reason"}
        return Changes(**{name: getattr(self, name) for name in named})


class Verify(Body):
    """A code as somebody typed it, and where it is to be used.

    distributing: whether it may still be handed out is asked too.
    """

    code: _Typed
    channel: Name | None = None
    region: _Country | None = None
    distributing: bool = False


class DefineFormat(Body):
    """A format, under the name in the path; see `FormatTerms`. pattern: see the codes' README."""

    pattern: Annotated[str, Field(min_length=1, max_length=500)]
    kind: FormatKind = Field(default=FormatKind.REGISTERED, strict=False)
    campaign_id: Name | None = None
    category: Name | None = None
    channel: Name | None = None
    per_user: PerUser = Field(default=PerUser.MANY, strict=False)
    on_signup: bool = False
    reason: _Text | None = None

    def terms(self, name: str) -> FormatTerms:
        """The fields as the service takes them."""
        given: Mapping[str, Any] = {
            field: getattr(self, field) for field in DefineFormat.model_fields if field != "reason"
        }
        return FormatTerms(name=name, **given)


class Listing(BaseModel):
    """The query of a list of codes: those that fit everything given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: Name | None = None
    campaign: Name | None = None
    prefix: _Code | None = None
    status: CodeStatus | None = None
    cursor: Annotated[str, Field(max_length=1_000)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_CODES)] = 100

    def filter(self) -> Filter:
        """The request as the service takes it."""
        return Filter(
            owner_user_id=self.owner,
            campaign_id=self.campaign,
            prefix=self.prefix,
            status=self.status,
        )
