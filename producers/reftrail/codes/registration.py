"""Registering, finding and revoking codes."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeAlias

import msgspec
import uuid_utils
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CampaignDefined, CodeChanged, CodeStatus
from reftrail.contracts.topics import CAMPAIGNS, CODES
from reftrail.reference import read_all, write

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\p{Cc}]+$")]


class NewCode(BaseModel):
    """A code to be registered. created_at is now by default; an import may give an earlier time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
    campaign_id: _Text
    owner_user_id: _Text | None = None
    category: _Text | None = None
    channel: _Text | None = None
    max_uses: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    expires_at: AwareDatetime | None = None
    created_at: AwareDatetime | None = None
    notes: _Text | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """How many codes were new, and how many stood there already as given."""

    added: int
    unchanged: int


def register_codes(installation: Installation, codes: Iterable[NewCode]) -> Registered:
    """Register codes; returns when Kafka has them.

    Raises `ExpectedError` before anything is written if a campaign isn't there, or a code exists
    with another campaign, owner or limit.
    """
    wanted = _by_code(codes)
    _check_campaigns(installation, wanted)
    existing = _existing(installation)
    if taken := [
        code
        for code, new in wanted.items()
        if code in existing and not _agrees(new, existing[code])
    ]:
        raise ExpectedError(
            f"code {taken[0]} is registered already, otherwise than given here "
            f"({len(taken)} such in all); see: reftrail codes show {taken[0]}"
        )
    now = time.time_ns() // 1_000_000
    added = [_issued(new, now) for code, new in wanted.items() if code not in existing]
    if added:
        write(installation, CODES, added)
    return Registered(len(added), len(wanted) - len(added))


def find_code(installation: Installation, code: str) -> CodeChanged:
    """How a code stands. Raises `ExpectedError` if it isn't registered."""
    found = _existing(installation).get(code)
    if found is None:
        raise ExpectedError(
            f"code {code} is not registered; register it with: "
            f"reftrail codes add {code} --owner USER --campaign ID"
        )
    return found


def revoke_code(installation: Installation, code: str) -> CodeChanged:
    """End a code: what happens after this under it earns nothing. How it stands then."""
    found = find_code(installation, code)
    if found.status == CodeStatus.REVOKED:
        return found
    now = time.time_ns() // 1_000_000
    revoked = msgspec.structs.replace(
        found,
        event_id=str(uuid_utils.uuid7()),
        event_time=now,
        received_at=now,
        status=CodeStatus.REVOKED,
    )
    write(installation, CODES, [revoked])
    return revoked


def _by_code(codes: Iterable[NewCode]) -> dict[str, NewCode]:
    wanted: dict[str, NewCode] = {}
    for new in codes:
        if wanted.setdefault(new.code, new) != new:
            raise ExpectedError(f"code {new.code} is given twice, in different ways; keep one")
    return wanted


def _check_campaigns(installation: Installation, wanted: Mapping[str, NewCode]) -> None:
    campaigns = {
        defined.campaign_id for defined in read_all(installation, CAMPAIGNS, CampaignDefined)
    }
    if missing := sorted({new.campaign_id for new in wanted.values()} - campaigns):
        known = ", ".join(sorted(campaigns)[:10]) or "none"
        raise ExpectedError(
            f"there is no campaign {missing[0]} (known: {known}); define it with: "
            f"reftrail campaigns apply FILE.toml"
        )


def _existing(installation: Installation) -> dict[str, CodeChanged]:
    return {found.code: found for found in read_all(installation, CODES, CodeChanged)}


def _issued(new: NewCode, now: Millis) -> CodeChanged:
    created = _millis(new.created_at)
    return CodeChanged(
        event_id=str(uuid_utils.uuid7()),
        event_time=now,
        received_at=now,
        code=new.code,
        campaign_id=new.campaign_id,
        owner_user_id=new.owner_user_id,
        category=new.category,
        channel=new.channel,
        created_at=now if created is None else created,
        expires_at=_millis(new.expires_at),
        max_uses=new.max_uses,
        notes=new.notes,
    )


def _agrees(new: NewCode, found: CodeChanged) -> bool:
    """Whether registering would change nothing; a time of creation not given agrees with any."""
    again = _issued(new, found.created_at)
    same = ("event_id", "event_time", "received_at", "status", "notes")
    taken = {field: getattr(found, field) for field in same}
    return msgspec.structs.replace(again, **taken) == found


def _millis(at: datetime | None) -> Millis | None:
    return None if at is None else (at - _EPOCH) // timedelta(milliseconds=1)
