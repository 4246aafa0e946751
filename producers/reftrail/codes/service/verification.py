"""Verification of a text: by the store if it has the code, else by the formats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, assert_never

from reftrail.codes.answers import Answer, Verification
from reftrail.codes.formats import (
    CodeVerdict,
    Forged,
    Retired,
    Unchecked,
    UnknownFormat,
    Valid,
    WellFormed,
)
from reftrail.codes.formats.patterns import Malformed, Mistyped
from reftrail.codes.model import Code
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import CodeStatus

_LONGEST_TEXT: Final = 256

_PLAIN: Final[Mapping[type[CodeVerdict], tuple[Answer, str]]] = {
    Forged: (Answer.FORGED, "nobody has issued this code"),
    Retired: (Answer.REVOKED, "codes of this kind count no longer"),
    Unchecked: (
        Answer.UNKNOWN,
        "whether this code is genuine can't be decided here: its secret is missing",
    ),
    WellFormed: (Answer.UNKNOWN, "there is no such code"),
    UnknownFormat: (Answer.UNKNOWN, "no code is written like this"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationContext:
    """Channel, region and time at which a code is shown; None: not asked for."""

    at: Millis
    channel: str | None = None
    region: str | None = None
    uses: int | None = None
    distributing: bool = False


def candidates(text: str, verdict: CodeVerdict) -> list[str]:
    """The codes a spelled text may stand for: as typed, then as its format writes it."""
    typed = text[:_LONGEST_TEXT]
    return list(dict.fromkeys(code for code in (typed, canonical(verdict)) if code))


def canonical(verdict: CodeVerdict) -> str | None:
    """The canonical spelling of a text that is written as a code."""
    match verdict:
        case Valid() | Forged():
            return verdict.code
        case WellFormed() | Retired() | Unchecked():
            return verdict.reading.code
        case UnknownFormat() | Malformed() | Mistyped():
            return None
        case _:
            assert_never(verdict)


def judge(
    verdict: CodeVerdict,
    tried: Sequence[str],
    registered: Mapping[str, Code],
    now: VerificationContext,
) -> Verification:
    """The answer. What is registered counts as its row says, whatever the formats say."""
    found = next((registered[code] for code in tried if code in registered), None)
    return _of_verdict(verdict) if found is None else _of_code(found, verdict, now)


def _of_code(code: Code, verdict: CodeVerdict, now: VerificationContext) -> Verification:
    answer, message = _standing(code, now)
    return Verification(
        answer=answer,
        message=message,
        code=code.code,
        campaign_id=code.changed.campaign_id,
        sequence=verdict.sequence if isinstance(verdict, Valid) else None,
        registered=code,
    )


def _standing(code: Code, now: VerificationContext) -> tuple[Answer, str]:
    return (
        _stopped(code, now)
        or _elsewhere(code, now)
        or _used_up(code, now)
        or (Answer.VALID, "the code is valid")
    )


def _stopped(code: Code, now: VerificationContext) -> tuple[Answer, str] | None:
    match code.status_at(now.at):
        case CodeStatus.REVOKED:
            return Answer.REVOKED, "the code was revoked"
        case CodeStatus.SUSPENDED:
            return Answer.SUSPENDED, "the code is suspended for now"
        case CodeStatus.EXPIRED:
            return Answer.EXPIRED, f"the code ran out{_said(code.changed.expires_at)}"
        case CodeStatus.ACTIVE:
            return None


def _elsewhere(code: Code, now: VerificationContext) -> tuple[Answer, str] | None:
    channels, regions = code.changed.channels, code.changed.regions
    if now.channel is not None and channels and now.channel not in channels:
        return Answer.WRONG_CHANNEL, f"the code is good in {', '.join(channels)} only"
    if now.region is not None and regions and now.region.upper() not in regions:
        return Answer.WRONG_REGION, f"the code is good in {', '.join(regions)} only"
    return None


def _used_up(code: Code, now: VerificationContext) -> tuple[Answer, str] | None:
    limit = code.changed.max_uses
    if now.uses is not None and limit is not None and now.uses >= limit:
        return Answer.USED_UP, f"the code was used {now.uses} times, and is good for no more"
    if now.distributing and (why := _distributed(code, now.channel)):
        return Answer.USED_UP, why
    return None


def _distributed(code: Code, channel: str | None) -> str | None:
    """The reason for which a code may not be handed out any more."""
    if code.left_to_distribute == 0:
        return f"the code was handed out {code.distributed} times, and may not be any more"
    limit = None if channel is None else code.channel_limits.get(channel)
    if limit is not None and code.distributed_by_channel.get(str(channel), 0) >= limit:
        return f"the code was handed out through {channel} {limit} times, and may not be any more"
    return None


def _of_verdict(verdict: CodeVerdict) -> Verification:
    code = canonical(verdict)
    match verdict:
        case Valid(_, _, campaign_id, sequence):
            return Verification(
                answer=Answer.VALID,
                message="the code is valid",
                code=code,
                campaign_id=campaign_id,
                sequence=sequence,
            )
        case Malformed(position, _, expected, suggestion):
            return Verification(
                answer=Answer.MALFORMED,
                message=str(verdict),
                position=position,
                expected=expected,
                suggestion=suggestion,
            )
        case Mistyped(suggestion):
            return Verification(answer=Answer.MISTYPED, message=str(verdict), suggestion=suggestion)
        case Forged() | Retired() | Unchecked() | WellFormed() | UnknownFormat():
            answer, message = _PLAIN[type(verdict)]
            return Verification(answer=answer, message=message, code=code)
        case _:
            assert_never(verdict)


def _said(at: Millis | None) -> str:
    return "" if at is None else f" at {datetime.fromtimestamp(at / 1000, UTC).isoformat()}"
