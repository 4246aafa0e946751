"""Two reward ledgers, compared entry by entry."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.record import MICROS_PER_UNIT
from reftrail.contracts.reference import CodeChanged
from reftrail.rules.reasons import Reason

Limits: TypeAlias = Mapping[str, int]
_Histories: TypeAlias = Mapping[str, Sequence[RewardDecided]]


def limits(codes: Iterable[CodeChanged]) -> Limits:
    """How many users may earn through a code, for those codes that have a limit."""
    return {code.code: code.max_uses for code in codes if code.max_uses is not None}


def differences(
    found: Iterable[RewardDecided], due: Iterable[RewardDecided], limited: Limits
) -> Iterator[str]:
    """What one ledger has and the other hasn't, in words.

    Entries are compared in everything that doesn't depend on how partitions interleave: all but
    the cause's offset, and when that was received.

    Where a code is limited, who comes first decides, and users are independent of one another: as
    many must earn as in the other ledger and never more than the limit, the same users must have
    been decided on, and each must have what the other ledger says or, for coming too early or too
    late, its counterpart.
    """
    here, there = list(map(_lasting, found)), list(map(_lasting, due))
    yield from _unlike(
        [entry for entry in here if entry.code not in limited],
        [entry for entry in there if entry.code not in limited],
    )
    for code, most in limited.items():
        yield from _limited(code, most, _by_user(here, code), _by_user(there, code))


def _limited(code: str, most: int, here: _Histories, there: _Histories) -> Iterator[str]:
    earning, expected = _earning(here), _earning(there)
    if len(earning) > most:
        yield f"{code}: {len(earning)} users earned, its limit is {most}"
    if len(earning) != len(expected):
        yield f"{code}: {len(earning)} users earned where {len(expected)} should have"
    for user in sorted(here.keys() | there.keys()):
        ours, theirs = here.get(user, ()), there.get(user, ())
        if (user in earning) != (user in expected):
            ours, theirs = _whoever_came_first(ours), _whoever_came_first(theirs)
        yield from _unlike(ours, theirs)


def _unlike(here: Sequence[RewardDecided], there: Sequence[RewardDecided]) -> Iterator[str]:
    ours, theirs = Counter(map(_content, here)), Counter(map(_content, there))
    words = {_content(entry): _words(entry) for entry in (*here, *there)}
    yield from (f"missing: {words[content]}" for content in (theirs - ours).elements())
    yield from (f"too many: {words[content]}" for content in (ours - theirs).elements())


def _content(entry: RewardDecided) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(entry, cause_offset=0, received_at=0))


def _lasting(entry: RewardDecided) -> RewardDecided:
    """The entry without "used up" where other reasons stand: that depends on who came first."""
    lasting = [reason for reason in entry.reasons if reason != Reason.CODE_USED_UP]
    return msgspec.structs.replace(entry, reasons=lasting) if lasting else entry


def _whoever_came_first(entries: Iterable[RewardDecided]) -> list[RewardDecided]:
    """A user's entries as they would be in time, and before any refund."""
    in_time: Final = {"status": RewardStatus.GRANTED, "reasons": [], "event_id": ""}
    return [
        msgspec.structs.replace(entry, **in_time)
        for entry in entries
        if entry.status == RewardStatus.GRANTED or entry.reasons == [Reason.CODE_USED_UP]
    ]


def _by_user(entries: Iterable[RewardDecided], code: str) -> _Histories:
    histories: defaultdict[str, list[RewardDecided]] = defaultdict(list)
    for entry in entries:
        if entry.code == code:
            histories[entry.user_id].append(entry)
    return histories


def _earning(histories: _Histories) -> set[str]:
    return {
        user
        for user, entries in histories.items()
        if any(entry.status == RewardStatus.GRANTED for entry in entries)
    }


def _words(entry: RewardDecided) -> str:
    reasons = f" for {'+'.join(entry.reasons)}" if entry.reasons else ""
    value = f"{entry.value_micros / MICROS_PER_UNIT:g} {entry.currency}"
    return (
        f"{entry.status}{reasons} {value} to the {entry.role} of {entry.code}:{entry.user_id} "
        f"by {entry.cause_event_id}"
    )
