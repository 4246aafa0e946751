"""Two reward ledgers, compared by what they say about money."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from reftrail.contracts.decisions import RewardDecided, RewardStatus
from reftrail.contracts.reference import CodeChanged
from reftrail.engine.memory import LedgerLine
from reftrail.rules.reasons import Reason

Limits: TypeAlias = Mapping[str, int]
_GRANTED: Final = RewardStatus.GRANTED.value
_USED_UP: Final = Reason.CODE_USED_UP.value


def limits(codes: Iterable[CodeChanged]) -> Limits:
    """How many users may earn through a code, for those codes that have a limit."""
    return {code.code: code.max_uses for code in codes if code.max_uses is not None}


def differences(
    found: Iterable[RewardDecided], due: Iterable[RewardDecided], limited: Limits
) -> Iterator[str]:
    """What one ledger has and the other hasn't, in words.

    Where a code is limited, who comes first decides, and users are independent of one another: as
    many must earn as in the other ledger and never more than the limit, the same users must have
    been decided on, and each must have what the other ledger says or, for coming too early or too
    late, its counterpart.
    """
    here, there = list(map(_line, found)), list(map(_line, due))
    ours = Counter(line for line in here if line.code not in limited)
    theirs = Counter(line for line in there if line.code not in limited)
    yield from (f"missing: {line}" for line in (theirs - ours).elements())
    yield from (f"too many: {line}" for line in (ours - theirs).elements())
    for code, most in limited.items():
        yield from _limited(code, most, _by_user(here, code), _by_user(there, code))


_Histories: TypeAlias = Mapping[str, Sequence[LedgerLine]]


def _line(entry: RewardDecided) -> LedgerLine:
    """An entry's line; that the code was used up too is left out where other reasons stand."""
    line = LedgerLine.of(entry)
    lasting = tuple(reason for reason in line.reasons if reason != _USED_UP)
    return line._replace(reasons=lasting or line.reasons)


def _limited(code: str, most: int, here: _Histories, there: _Histories) -> Iterator[str]:
    earning, expected = _earning(here), _earning(there)
    if len(earning) > most:
        yield f"{code}: {len(earning)} users earned, its limit is {most}"
    if len(earning) != len(expected):
        yield f"{code}: {len(earning)} users earned where {len(expected)} should have"
    for user in sorted(here.keys() | there.keys()):
        ours, theirs = here.get(user, ()), there.get(user, ())
        both_alike = (user in earning) == (user in expected)
        equal = (
            Counter(ours) == Counter(theirs)
            if both_alike
            else _whoever_came_first(ours) == _whoever_came_first(theirs)
        )
        if not equal:
            yield f"{code}, {user}: {ours}, expected {theirs}"


def _by_user(lines: Iterable[LedgerLine], code: str) -> _Histories:
    histories: defaultdict[str, list[LedgerLine]] = defaultdict(list)
    for line in lines:
        if line.code == code:
            histories[line.user_id].append(line)
    return histories


def _earning(histories: _Histories) -> set[str]:
    return {
        user for user, lines in histories.items() if any(line.status == _GRANTED for line in lines)
    }


def _whoever_came_first(lines: Iterable[LedgerLine]) -> Counter[LedgerLine]:
    """A user's lines as they would be in time, and before any refund."""
    return Counter(
        line._replace(status=_GRANTED, reasons=())
        for line in lines
        if line.status == _GRANTED or line.reasons == (_USED_UP,)
    )
