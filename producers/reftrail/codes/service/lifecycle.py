"""Acts on issued codes: bind, change, distribute, suspend, reactivate, expire, revoke."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from reftrail.codes.formats import Formats, Unchecked, Valid
from reftrail.codes.model import (
    ActRefused,
    Changes,
    Code,
    Filter,
    Format,
    Origin,
    Terms,
    Why,
)
from reftrail.codes.service.format_admin import named
from reftrail.codes.service.issuing import draft_of
from reftrail.codes.service.one_per_user import Scopes
from reftrail.codes.service.one_per_user import held as held_by
from reftrail.codes.store.reading import lock_codes
from reftrail.codes.store.writing import UnitOfWork
from reftrail.codes.validation import check_fields, check_filter, check_text
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeAct, CodeStatus, named_hash


@dataclass(frozen=True, slots=True)
class Transition:
    """Change of status by an act; a code in the target status already stays as it is."""

    sources: frozenset[CodeStatus]
    target: CodeStatus


TRANSITIONS: Final = {
    CodeAct.SUSPENDED: Transition(frozenset({CodeStatus.ACTIVE}), CodeStatus.SUSPENDED),
    CodeAct.REACTIVATED: Transition(
        frozenset({CodeStatus.SUSPENDED, CodeStatus.EXPIRED}), CodeStatus.ACTIVE
    ),
    CodeAct.EXPIRED: Transition(
        frozenset({CodeStatus.ACTIVE, CodeStatus.SUSPENDED}), CodeStatus.EXPIRED
    ),
    CodeAct.REVOKED: Transition(
        frozenset({CodeStatus.ACTIVE, CodeStatus.SUSPENDED, CodeStatus.EXPIRED}),
        CodeStatus.REVOKED,
    ),
}


_RECORD: Final = ("record_kind", "record_id")


@dataclass(frozen=True, slots=True)
class LockedCode:
    """A code that this transaction holds. is_new: a derived one that has no row yet."""

    code: Code
    is_new: bool = False


def write(work: UnitOfWork, act: CodeAct, locked: LockedCode, after: Code) -> Code:
    """Put a code in place of what it was; a derived one gets its row now."""
    if locked.is_new:
        return work.insert_one(act, after)
    if after == locked.code:
        return after
    return work.update(act, [(locked.code, after)])[0]


def bind(
    work: UnitOfWork,
    locked: LockedCode,
    formats: Sequence[Format],
    owner_user_id: str | None,
    record: tuple[str, str] | None,
) -> Code:
    """Give a code its owner, its record or both."""
    if owner_user_id is None and record is None:
        raise ActRefused(Why.INVALID, "say to whom the code is to be bound, or to which record")
    for name, text in zip(
        ("owner_user_id", *_RECORD), (owner_user_id, *(record or ())), strict=False
    ):
        if text is not None:
            check_text(name, text)
    code = locked.code.changed
    refuse_status(locked.code, work.at, CodeStatus.REVOKED, CodeStatus.EXPIRED)
    if owner_user_id is not None and code.owner_user_id not in (None, owner_user_id):
        raise ActRefused(Why.CLASH, f"code {code.code} has another owner; reissue it instead")
    if record is not None and (code.record_kind, code.record_id) not in ((None, None), record):
        raise ActRefused(
            Why.CLASH, f"code {code.code} stands for another record; reissue it instead"
        )
    bound = with_fields(
        locked.code,
        owner_user_id=owner_user_id or code.owner_user_id,
        record_kind=record[0] if record else code.record_kind,
        record_id=record[1] if record else code.record_id,
    )
    key = Scopes(formats).key(code.campaign_id, owner_user_id)
    if key is not None and code.owner_user_id is None:
        if holding := held_by(work, [key]):
            raise ActRefused(
                Why.CLASH, f"{owner_user_id} has the code {holding[key]}, and may have one only"
            )
        work.note_holdings([(*key, code.code)])
    return write(work, CodeAct.BOUND, locked, bound)


def change(work: UnitOfWork, locked: LockedCode, changes: Changes) -> Code:
    """Change what may be changed."""
    refuse_status(locked.code, work.at, CodeStatus.REVOKED)
    given = {
        name: value
        for name, value in msgspec.structs.asdict(changes).items()
        if value is not msgspec.UNSET
    }
    check_fields(given)
    limits = given.pop("channel_limits", None)
    for name in ("channels", "regions"):
        if name in given:
            given[name] = list(given[name])
    if "regions" in given:
        given["regions"] = [region.upper() for region in given["regions"]]
    changed = with_fields(locked.code, **given)
    if limits is not None:
        changed = replace(changed, channel_limits=dict(limits))
    return write(work, CodeAct.CHANGED, locked, changed)


def rehash(
    work: UnitOfWork, locked: LockedCode, keys: tuple[str, str], hashes: Mapping[str, str]
) -> Code:
    """Give the owner's signals their hashes under another key; the rest stay, and name their key.

    keys are the ids of the former and the present key, hashes are by the record's fields. Hashes of
    the former key stay behind those of the present one: referrals that were begun before the change
    are compared with them.
    """
    former, present = keys
    fields: dict[str, str | None] = {}
    for name, of_signal in locked.code.changed.owner_hashes().items():
        by_key = {key_id or former: digits for key_id, digits in of_signal}
        if present in by_key:
            continue
        if name in hashes and former in by_key:
            fields[name] = f"{present}:{hashes[name]} {former}:{by_key[former]}"
        elif of_signal[0][0] is None:
            fields[name] = named_hash(former, of_signal[0][1])
    if not fields:  # another event was first
        return locked.code
    return write(work, CodeAct.CHANGED, locked, with_fields(locked.code, **fields))


def distribute(work: UnitOfWork, locked: LockedCode, channel: str | None, count: int) -> Code:
    """Count that a code was handed out."""
    if channel is not None:
        check_text("channel", channel)
    if count < 1:
        raise ActRefused(Why.INVALID, f"count is {count}; a code is handed out once or more often")
    code = locked.code
    if (status := code.status_at(work.at)) != CodeStatus.ACTIVE:
        raise ActRefused(Why.STATUS, f"code {code.code} is {status}, and can't be handed out")
    if code.changed.channels and channel is not None and channel not in code.changed.channels:
        raise ActRefused(
            Why.LIMIT,
            f"code {code.code} is for {', '.join(code.changed.channels)}, not for {channel}",
        )
    if (left := code.left_to_distribute) is not None and count > left:
        raise ActRefused(
            Why.LIMIT,
            f"code {code.code} may be handed out {code.changed.max_distributes} times, and was "
            f"{code.distributed} times; {count} more would go over it",
        )
    by_channel = dict(code.distributed_by_channel)
    if channel is not None:
        by_channel[channel] = by_channel.get(channel, 0) + count
        limit = code.channel_limits.get(channel)
        if limit is not None and by_channel[channel] > limit:
            raise ActRefused(
                Why.LIMIT,
                f"code {code.code} may be handed out {limit} times through {channel}; {count} "
                f"more would make {by_channel[channel]}",
            )
    handed_out = replace(
        code, distributed=code.distributed + count, distributed_by_channel=by_channel
    )
    return write(work, CodeAct.DISTRIBUTED, locked, handed_out)


def move(work: UnitOfWork, act: CodeAct, locked: LockedCode) -> Code:
    """Suspend, reactivate, expire or revoke. Raises `ActRefused`, STATUS."""
    transition = TRANSITIONS[act]
    code = locked.code
    status = CodeStatus(code.changed.status)
    if status == transition.target and not locked.is_new:
        return code
    if status not in transition.sources and status != transition.target:
        raise ActRefused(Why.STATUS, f"code {code.code} is {status}, and can't be {act} any more")
    moved = moved_to(code, transition.target, work.at)
    if moved is None:
        raise ActRefused(
            Why.STATUS,
            f"code {code.code} ran out at {code.changed.expires_at}; change expires_at first",
        )
    return write(work, act, locked, moved)


def moved_to(code: Code, target: CodeStatus, at: Millis) -> Code | None:
    """A code with another status; None if it can't be active because its time is over.

    What is expired by hand was good up to now: expires_at is then no later.
    """
    ends = code.changed.expires_at
    if target == CodeStatus.ACTIVE and ends is not None and ends <= at:
        return None
    if target == CodeStatus.EXPIRED:
        return with_fields(code, status=target, expires_at=at if ends is None else min(ends, at))
    return with_fields(code, status=target)


def refuse_status(code: Code, at: Millis, *refused: CodeStatus) -> None:
    """Raise `ActRefused`, STATUS, for a code in one of these statuses."""
    if (status := code.status_at(at)) in refused:
        raise ActRefused(Why.STATUS, f"code {code.code} is {status}; issue another one")


def with_fields(code: Code, **fields: Any) -> Code:
    """A code with other fields in its record."""
    return replace(code, changed=msgspec.structs.replace(code.changed, **fields))


def lock(work: UnitOfWork, code: str, formats: Sequence[Format], judging: Formats) -> LockedCode:
    """The code for this transaction alone. Raises `ActRefused`: NOT_FOUND, NO_SECRET."""
    if found := work.locked([code]):
        return LockedCode(found[code])
    match judging.verify(code):
        case Valid(canonical, name, campaign_id):
            if found := work.locked([canonical]):
                return LockedCode(found[canonical])
            terms = Terms(campaign_id=campaign_id)
            of = named(formats, name)
            return LockedCode(draft_of(canonical, terms, Origin.DERIVED, work.at, of), is_new=True)
        case Unchecked(_, name):
            raise ActRefused(
                Why.NO_SECRET,
                f"whether {code} is one of {name} can't be decided without REFTRAIL_CODES_SECRET",
            )
        case _:
            raise ActRefused(Why.NOT_FOUND, f"there is no code {code}")


def check_bulk(act: CodeAct, which: Filter) -> None:
    """Raises `ActRefused`, INVALID, for what nobody can have meant for many codes."""
    if act not in TRANSITIONS:
        allowed = ", ".join(TRANSITIONS)
        raise ActRefused(Why.INVALID, f"{act} can't be done to many codes; these can: {allowed}")
    check_filter(which)
    if which == Filter(status=which.status):
        raise ActRefused(Why.INVALID, "say which codes: by prefix, campaign, owner or expiry")


def move_some(
    work: UnitOfWork, act: CodeAct, which: Filter, after: str | None, limit: int
) -> tuple[str | None, list[Code]]:
    """Move the next codes: the last one looked at, None at the end; and those that were moved."""
    transition = TRANSITIONS[act]
    found = lock_codes(work.connection, which, after, limit, transition.sources)
    moved = [(code, moved_to(code, transition.target, work.at)) for code in found]
    changed = work.update(act, [(old, new) for old, new in moved if new is not None])
    return (found[-1].code if len(found) == limit else None), changed
