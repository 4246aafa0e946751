"""Quarterly review of all codes: findings for the person who is responsible for them.

Every finding names a code, or a format where it is about guesses, and has the figures that make it
one. What is in the store is always looked at; what has happened under the codes only the reports
know, and without them those findings are left out, which the review says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from reftrail.codes.model import Code
from reftrail.contracts.record import DAY, Millis
from reftrail.contracts.reference import CodeStatus


class Concern(StrEnum):
    """Kind of a finding."""

    EXPIRING = "expiring"
    """Active, and over within the days asked for: extend it, or tell its owner."""
    UNUSED = "unused"
    """Active and old enough, but nobody has followed it: revoke it, or hand it out."""
    OVERUSED = "overused"
    """At a limit of uses or of distribution, or nearly: raise the limit, or reissue it."""
    SUSPICIOUS = "suspicious"
    """More uses than it was handed out for, many rejections, or guesses: see reftrail explain."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is a finding. days: what lies ahead, and the age of unused codes.

    near_limit is a share of a limit. A code is suspicious from least_uses uses if each time it was
    handed out led to uses_per_distribution of them; from least_rejected users turned away if that
    is rejected_share of all who claimed; a format from so many forged guesses on.
    """

    days: int = 90
    near_limit: float = 0.9
    least_uses: int = 10
    uses_per_distribution: float = 5.0
    least_rejected: int = 10
    rejected_share: float = 0.5
    forged: int = 100


@dataclass(frozen=True, slots=True)
class Activity:
    """Activity under a code."""

    clicks: int = 0
    attributed: int = 0
    users_rewarded: int = 0
    users_rejected: int = 0


@dataclass(frozen=True, slots=True)
class Guesses:
    """Guesses at codes of a format that were never issued, and the number of addresses."""

    format: str
    prefix: str
    campaign_id: str | None
    forged: int
    forged_codes: int
    addresses: int
    mistyped: int
    malformed: int
    retired: int


@dataclass(frozen=True, slots=True)
class Happened:
    """Data of the reports: activity by code, and guesses."""

    activity: Mapping[str, Activity]
    guesses: tuple[Guesses, ...]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Happened":
        """Read what the reports answer to `/v1/codes/review`."""
        return cls(
            {
                row["code"]: Activity(**{k: v for k, v in row.items() if k != "code"})
                for row in answer["activity"]
            },
            tuple(Guesses(**row) for row in answer["guesses"]),
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding for a person. figures are by name: numbers, or times as text."""

    concern: Concern
    subject: str
    campaign_id: str | None
    owner_user_id: str | None
    why: str
    figures: Mapping[str, Any]


_NOTHING: Final = Activity()


def review(
    codes: Iterable[Code], happened: Happened | None, thresholds: Thresholds, at: Millis
) -> Iterator[Finding]:
    """All findings at a time, codes in the order given; one code may have several."""
    if happened is not None:
        for guesses in happened.guesses:
            if guesses.forged >= thresholds.forged:
                yield _guessed(guesses)
    for code in codes:
        if code.status_at(at) != CodeStatus.ACTIVE:
            continue
        activity = None if happened is None else happened.activity.get(code.code, _NOTHING)
        yield from _of_code(code, activity, thresholds, at)


def _of_code(
    code: Code, activity: Activity | None, thresholds: Thresholds, at: Millis
) -> Iterator[Finding]:
    soon = thresholds.days * DAY
    ends = code.changed.expires_at
    if ends is not None and ends < at + soon:
        yield _finding(
            code,
            Concern.EXPIRING,
            f"expires on {_date(ends)}, in {(ends - at) // DAY} days",
            {"expires_at": _date(ends), "days_left": (ends - at) // DAY},
        )
    used = None if activity is None else activity.users_rewarded
    yield from _near_limits(code, used, thresholds)
    if activity is None:
        return
    age = (at - code.changed.created_at) // DAY
    if activity == _NOTHING and age >= thresholds.days:
        handed = f"handed out {code.distributed:,} times, " if code.distributed else ""
        yield _finding(
            code,
            Concern.UNUSED,
            f"{handed}{age:,} days old, never used",
            {"age_days": age, "distributed": code.distributed},
        )
    yield from _suspicious(code, activity, thresholds)


def _near_limits(code: Code, used: int | None, thresholds: Thresholds) -> Iterator[Finding]:
    limits = (
        ("uses", used, code.changed.max_uses),
        ("distributed", code.distributed, code.changed.max_distributes),
        *(
            (f"distributed through {channel}", code.distributed_by_channel.get(channel, 0), limit)
            for channel, limit in code.channel_limits.items()
        ),
    )
    for what, count, limit in limits:
        if count and limit and count >= thresholds.near_limit * limit:
            yield _finding(
                code,
                Concern.OVERUSED,
                f"{what}: {count:,} of {limit:,}",
                {what.replace(" ", "_"): count, "limit": limit},
            )


def _suspicious(code: Code, activity: Activity, thresholds: Thresholds) -> Iterator[Finding]:
    uses, handed = activity.users_rewarded, code.distributed
    if (
        handed
        and uses >= thresholds.least_uses
        and uses / handed >= thresholds.uses_per_distribution
    ):
        yield _finding(
            code,
            Concern.SUSPICIOUS,
            f"{uses:,} uses, handed out {handed:,} times: {uses / handed:,.1f} for each",
            {"uses": uses, "distributed": handed, "uses_per_distribution": round(uses / handed, 2)},
        )
    rejected, claimed = activity.users_rejected, uses + activity.users_rejected
    if rejected >= thresholds.least_rejected and rejected >= thresholds.rejected_share * claimed:
        yield _finding(
            code,
            Concern.SUSPICIOUS,
            f"{rejected:,} of {claimed:,} who claimed were rejected",
            {"users_rejected": rejected, "users_claimed": claimed},
        )


def _guessed(guesses: Guesses) -> Finding:
    return Finding(
        Concern.SUSPICIOUS,
        guesses.prefix or guesses.format,
        guesses.campaign_id,
        None,
        f"{guesses.forged:,} forged codes of format {guesses.format} were tried, "
        f"from {guesses.addresses:,} addresses",
        {
            "format": guesses.format,
            "forged": guesses.forged,
            "forged_codes": guesses.forged_codes,
            "addresses": guesses.addresses,
            "mistyped": guesses.mistyped,
            "malformed": guesses.malformed,
        },
    )


def _finding(code: Code, concern: Concern, why: str, figures: Mapping[str, Any]) -> Finding:
    found = code.changed
    return Finding(concern, found.code, found.campaign_id, found.owner_user_id, why, figures)


def _date(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
